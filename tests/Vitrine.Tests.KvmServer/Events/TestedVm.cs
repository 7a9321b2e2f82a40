using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Vitrine.Kvm.Abi;

namespace Vitrine.Tests.KvmServer.Events;

/// <summary>A machine whose interrupt ioctls are tried: ours, or the host's KVM, which must give the same answers.</summary>
internal abstract unsafe class TestedVm : IDisposable
{
    /// <summary>KVM_CAP_SPLIT_IRQCHIP.</summary>
    private const uint SplitIrqchip = 121;

    /// <summary>Both, for theories.</summary>
    public static Xunit.TheoryData<bool> Both => [false, true];

    /// <summary>Opens one of them; skips the test where the host has no KVM.</summary>
    public static TestedVm Create(bool host) => host ? new HostVm() : new ServedVm();

    /// <summary>An ioctl on the machine: its result, or -errno.</summary>
    public abstract int Call(uint request, void* argument);

    /// <summary>An ioctl on the machine's only vCPU, which is created at its first.</summary>
    public abstract int CallVcpu(uint request, void* argument);

    public abstract void Dispose();

    public int Call(uint request) => Call(request, null);

    public int CallNumber(uint request, ulong argument) => Call(request, (void*)argument);

    public int Call<T>(uint request, T argument)
        where T : unmanaged => Call(request, &argument);

    public int CallVcpu<T>(uint request, T argument)
        where T : unmanaged => CallVcpu(request, &argument);

    public int CreateVcpu() => CallVcpu(0, null);

    public int EnableSplit(ulong pins)
    {
        kvm_enable_cap enable = new() { cap = SplitIrqchip };
        Unsafe.As<ulong, ulong>(ref enable.args[0]) = pins;
        return Call(KvmIoctl.KVM_ENABLE_CAP, enable);
    }

    /// <summary>KVM_IRQ_LINE_STATUS: its error, or the status.</summary>
    public int Line(uint gsi, bool level)
    {
        kvm_irq_level line = new() { irq = gsi, level = level ? 1u : 0 };
        int result = Call(KvmIoctl.KVM_IRQ_LINE_STATUS, &line);
        return result < 0 ? result : (int)line.irq;
    }

    public int Route(params ReadOnlySpan<kvm_irq_routing_entry> entries) => Route((uint)entries.Length, 0, entries);

    public int Route(uint count, uint flags, ReadOnlySpan<kvm_irq_routing_entry> entries)
    {
        byte[] table = new byte[sizeof(kvm_irq_routing) + MemoryMarshal.AsBytes(entries).Length];
        MemoryMarshal.Write(table, new kvm_irq_routing { nr = count, flags = flags });
        MemoryMarshal.AsBytes(entries).CopyTo(table.AsSpan(sizeof(kvm_irq_routing)));
        fixed (byte* pointer = table) return Call(KvmIoctl.KVM_SET_GSI_ROUTING, pointer);
    }

    public int Irqfd(int descriptor, uint gsi, uint flags = 0, int resample = 0) => Call(
        KvmIoctl.KVM_IRQFD, new kvm_irqfd { fd = (uint)descriptor, gsi = gsi, flags = flags, resamplefd = (uint)resample });

    public int IoEvent(ulong address, uint length, int descriptor, uint flags = 0, ulong match = 0) => Call(
        KvmIoctl.KVM_IOEVENTFD, new kvm_ioeventfd { addr = address, len = length, fd = descriptor, flags = flags, datamatch = match });

    public int Zone(ulong address, uint size, uint pio, bool remove = false) => Call(
        remove ? KvmIoctl.KVM_UNREGISTER_COALESCED_MMIO : KvmIoctl.KVM_REGISTER_COALESCED_MMIO,
        new kvm_coalesced_mmio_zone { addr = address, size = size, pio = pio });

    /// <summary>KVM_GET_IRQCHIP, which must succeed.</summary>
    public T Chip<T>(uint id)
        where T : unmanaged
    {
        kvm_irqchip chip = new() { chip_id = id };
        Xunit.Assert.Equal(0, Call(KvmIoctl.KVM_GET_IRQCHIP, &chip));
        return *(T*)chip.chip;
    }

    /// <summary>KVM_SET_IRQCHIP.</summary>
    public int SetChip<T>(uint id, T state)
        where T : unmanaged
    {
        kvm_irqchip chip = new() { chip_id = id };
        *(T*)chip.chip = state;
        return Call(KvmIoctl.KVM_SET_IRQCHIP, &chip);
    }
}
