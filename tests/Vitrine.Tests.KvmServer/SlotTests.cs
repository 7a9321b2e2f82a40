using Vitrine.Kvm.Abi;
using Vitrine.Tests.KvmServer.Client;
using Xunit;

namespace Vitrine.Tests.KvmServer;

/// <summary>KVM_SET_USER_MEMORY_REGION and dirty logs, against Documentation/virt/kvm/api.rst 4.35 and 4.8.</summary>
public sealed unsafe class SlotTests
{
    // SAFETY: addresses of the client's memory, and of none, are only passed on.
    private const uint LogDirty = 1;
    private const uint ReadOnly = 2;

    [Fact]
    public void WhatNoSlotCanBeIsRefused()
    {
        using KvmClient client = new();
        client.AddMemory();
        ulong memory = (ulong)client.Memory.Pointer;
        Assert.Equal(-Errno.EINVAL, Set(client, slot: 1, flags: 4, address: 0x200000, size: 0x1000, memory));
        Assert.Equal(-Errno.EINVAL, Set(client, slot: 1, flags: 0, address: 0x200800, size: 0x1000, memory));
        Assert.Equal(-Errno.EINVAL, Set(client, slot: 1, flags: 0, address: 0x200000, size: 0x800, memory));
        Assert.Equal(-Errno.EINVAL, Set(client, slot: 1, flags: 0, address: 0x200000, size: 0x1000, memory + 8));
        Assert.Equal(-Errno.EINVAL, Set(client, slot: 1, flags: 0, address: 0xFFFF_FFFF_FFFF_F000, size: 0x2000, memory));
        Assert.Equal(-Errno.EINVAL, Set(client, slot: 1, flags: 0, address: 0x200000, size: 0x1000, 0xFFFF_8000_0000_0000));
        Assert.Equal(-Errno.EINVAL, Set(client, slot: 100_000, flags: 0, address: 0x200000, size: 0x1000, memory));
        Assert.Equal(-Errno.EINVAL, Set(client, slot: 1, flags: 0, address: 0x200000, size: 0, memory));
        Assert.Equal(-Errno.EEXIST, Set(client, slot: 1, flags: 0, address: 0xFF000, size: 0x1000, memory));
        Assert.Equal(-Errno.EINVAL, Set(client, slot: 0, flags: 0, address: 0, size: 0x1000, memory));
        Assert.Equal(-Errno.EINVAL, Set(client, slot: 0, flags: ReadOnly, address: 0, size: client.Memory.Size, memory));
        Assert.Equal(0, Set(client, slot: 0, flags: 0, address: 0x400000, size: client.Memory.Size, memory));
        Assert.Equal(0, Set(client, slot: 0, flags: 0, address: 0x400000, size: 0, memory));
    }

    [Fact]
    public void ReadOnlySlotsAreReadAndStoresAreTheClients()
    {
        // mov al, [0x2000]; mov [0x2000], al; hlt
        using KvmClient client = new();
        client.AddMemory(flags: ReadOnly);
        ((ReadOnlySpan<byte>)[0xA0, 0x00, 0x20, 0xA2, 0x00, 0x20, 0xF4]).CopyTo(client.Bytes[0x1000..]);
        client.Bytes[0x2000] = 0x77;
        int vcpu = client.AddVcpu(0);
        client.StartRealMode(vcpu, 0x1000);
        Assert.Equal(KvmExit.KVM_EXIT_MMIO, client.RunToExit(vcpu));
        kvm_run_mmio mmio = client.Page(vcpu).mmio;
        Assert.Equal((0x2000UL, (byte)1, (byte)0x77), (mmio.phys_addr, mmio.is_write, mmio.data[0]));
        Assert.Equal(KvmExit.KVM_EXIT_HLT, client.RunToExit(vcpu));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void DirtyLogHasWhatTheGuestHasWritten(bool clearsByHand)
    {
        // mov [0x3000], al; mov [0x5000], al; hlt
        using KvmClient client = new();
        if (clearsByHand)
        {
            kvm_enable_cap cap = new() { cap = KvmCap.KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2 };
            cap.args[0] = KvmConstants.KVM_DIRTY_LOG_MANUAL_PROTECT_ENABLE;
            Assert.Equal(0, client.Set(client.Vm, KvmIoctl.KVM_ENABLE_CAP, cap));
        }

        client.AddMemory(flags: LogDirty);
        ((ReadOnlySpan<byte>)[0xA2, 0x00, 0x30, 0xA2, 0x00, 0x50, 0xF4]).CopyTo(client.Bytes[0x1000..]);
        int vcpu = client.AddVcpu(0);
        client.StartRealMode(vcpu, 0x1000);
        Assert.Equal(KvmExit.KVM_EXIT_HLT, client.RunToExit(vcpu));
        Assert.Equal(0b101000UL, ReadLog(client));
        Assert.Equal(clearsByHand ? 0b101000UL : 0, ReadLog(client));
        if (!clearsByHand) return;

        ulong bitmap = 0b1000;
        kvm_clear_dirty_log clear = new() { num_pages = 64, dirty_bitmap = (ulong)&bitmap };
        Assert.Equal(0, client.Set(client.Vm, KvmIoctl.KVM_CLEAR_DIRTY_LOG, clear));
        Assert.Equal(0b100000UL, ReadLog(client));
        clear.first_page = 1;
        Assert.Equal(-Errno.EINVAL, client.Set(client.Vm, KvmIoctl.KVM_CLEAR_DIRTY_LOG, clear));
    }

    private static ulong ReadLog(KvmClient client)
    {
        ulong[] bitmap = new ulong[4];
        fixed (ulong* pointer = bitmap)
        {
            kvm_dirty_log log = new() { dirty_bitmap = (ulong)pointer };
            Assert.Equal(0, client.Set(client.Vm, KvmIoctl.KVM_GET_DIRTY_LOG, log));
        }

        return bitmap[0];
    }

    private static long Set(KvmClient client, uint slot, uint flags, ulong address, ulong size, ulong memory) => client.Set(
        client.Vm,
        KvmIoctl.KVM_SET_USER_MEMORY_REGION,
        new kvm_userspace_memory_region { slot = slot, flags = flags, guest_phys_addr = address, memory_size = size, userspace_addr = memory });
}
