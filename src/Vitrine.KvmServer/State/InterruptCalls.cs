using System.Runtime.InteropServices;
using Vitrine.Kvm.Abi;
using Vitrine.KvmServer.Engine;
using Vitrine.KvmServer.Events;
using Vitrine.KvmServer.Native;

namespace Vitrine.KvmServer.State;

/// <summary>The calls on a virtual machine that concern interrupts and timers: structures in and out.</summary>
internal static class InterruptCalls
{
    /// <summary>Carries a call out.</summary>
    /// <returns>The result; -ENOTTY for what is no such call.</returns>
    public static long Call(VmEngine engine, uint request, ulong argument)
    {
        VmInterrupts interrupts = engine.Interrupts;
        switch (request)
        {
            case KvmIoctl.KVM_CREATE_IRQCHIP:
                return engine.Choose(interrupts.CreateIrqchip(engine.HasVcpus));
            case KvmIoctl.KVM_GET_IRQCHIP:
                return Exchange(argument, (ref kvm_irqchip chip) => interrupts.GetIrqchip(ref chip));
            case KvmIoctl.KVM_SET_IRQCHIP:
                return Take(argument, (in kvm_irqchip chip) => interrupts.SetIrqchip(chip));
            case KvmIoctl.KVM_CREATE_PIT:
                return interrupts.CreatePit();
            case KvmIoctl.KVM_CREATE_PIT2:
                return Take(argument, (in kvm_pit_config config) => interrupts.CreatePit(config));
            case KvmIoctl.KVM_GET_PIT:
                return Exchange(argument, (ref kvm_pit_channels channels) => interrupts.GetPit(out channels));
            case KvmIoctl.KVM_SET_PIT:
                return Take(argument, (in kvm_pit_channels channels) => interrupts.SetPit(channels));
            case KvmIoctl.KVM_GET_PIT2:
                return Give(argument, (out kvm_pit_state2 state) => interrupts.GetPit(out state));
            case KvmIoctl.KVM_SET_PIT2:
                return Take(argument, (in kvm_pit_state2 state) => interrupts.SetPit(state));
            case KvmIoctl.KVM_REINJECT_CONTROL:
                return Take(argument, (in kvm_reinject_control control) => interrupts.ControlReinjection(control));
            case KvmIoctl.KVM_IRQ_LINE:
                return SetLine(interrupts, argument, tells: false);
            case KvmIoctl.KVM_IRQ_LINE_STATUS:
                return SetLine(interrupts, argument, tells: true);
            case KvmIoctl.KVM_SET_GSI_ROUTING:
                return SetRouting(interrupts, argument);
            case KvmIoctl.KVM_SIGNAL_MSI:
                return Take(argument, (in kvm_msi message) => interrupts.SignalMessage(message));
            case KvmIoctl.KVM_IRQFD:
                return Take(argument, (in kvm_irqfd irqfd) => interrupts.ChangeIrqfd(irqfd));
            case KvmIoctl.KVM_IOEVENTFD:
                return Take(argument, (in kvm_ioeventfd ioeventfd) => interrupts.ChangeIoEvent(ioeventfd));
            case KvmIoctl.KVM_REGISTER_COALESCED_MMIO:
                return Take(argument, (in kvm_coalesced_mmio_zone zone) => interrupts.RegisterCoalesced(zone));
            case KvmIoctl.KVM_UNREGISTER_COALESCED_MMIO:
                return Take(argument, (in kvm_coalesced_mmio_zone zone) => interrupts.UnregisterCoalesced(zone));
            case KvmIoctl.KVM_SET_TSS_ADDR:
                return engine.Settings.SetTssAddress(argument);
            case KvmIoctl.KVM_SET_IDENTITY_MAP_ADDR:
                return engine.HasVcpus ? -Errno.EINVAL : Take(argument, (in ulong address) => engine.Settings.SetIdentityMapAddress(address));
            case KvmIoctl.KVM_SET_BOOT_CPU_ID:
                return engine.Settings.SetBootCpuId(engine.HasVcpus, argument);
            default:
                return -Errno.ENOTTY;
        }
    }

    private delegate int Taker<T>(in T value);

    private delegate int Giver<T>(out T value);

    private delegate int Exchanger<T>(ref T value);

    // The most frequent call of all but KVM_RUN.
    private static int SetLine(VmInterrupts interrupts, ulong address, bool tells)
    {
        int error = ClientMemory.Read(address, out kvm_irq_level line);
        if (error < 0) return error;
        error = interrupts.SetLine(line, out int status);
        if (error < 0 || !tells) return error;
        line.irq = (uint)status;
        return ClientMemory.Write(address, line);
    }

    private static int Take<T>(ulong address, Taker<T> take)
        where T : unmanaged
    {
        int error = ClientMemory.Read(address, out T value);
        return error < 0 ? error : take(value);
    }

    private static int Give<T>(ulong address, Giver<T> give)
        where T : unmanaged
    {
        int error = give(out T value);
        return error < 0 ? error : ClientMemory.Write(address, value);
    }

    private static int Exchange<T>(ulong address, Exchanger<T> exchange)
        where T : unmanaged
    {
        int error = ClientMemory.Read(address, out T value);
        if (error == 0) error = exchange(ref value);
        return error < 0 ? error : ClientMemory.Write(address, value);
    }

    private static unsafe int SetRouting(VmInterrupts interrupts, ulong address)
    {
        // SAFETY: only sizes are taken.
        int error = ClientMemory.Read(address, out kvm_irq_routing header);
        if (error == 0) error = interrupts.CheckRouting(header);
        if (error < 0) return error;
        kvm_irq_routing_entry[] entries = new kvm_irq_routing_entry[header.nr];
        error = ClientMemory.Read(address + (ulong)sizeof(kvm_irq_routing), MemoryMarshal.AsBytes(entries.AsSpan()));
        return error < 0 ? error : interrupts.SetRouting(entries);
    }
}
