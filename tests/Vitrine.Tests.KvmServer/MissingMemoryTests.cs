using System.Runtime.InteropServices;
using Vitrine.Accelerators.Software;
using Vitrine.Kvm.Abi;
using Vitrine.KvmServer;
using Vitrine.Tests.KvmServer.Client;
using Xunit;

namespace Vitrine.Tests.KvmServer;

/// <summary>Slots over memory that is not there, or may not be read or written: KVM_RUN fails with EFAULT when the guest gets there, and goes on once it is.</summary>
public sealed unsafe partial class MissingMemoryTests
{
    // SAFETY: rights are changed of pages that belong to the client's memory, which lives as long as the client.
    private const int None = 0;
    private const int ReadOnly = 1;
    private const int ReadWrite = 3;
    private const int Page = 0x1000;
    private const int Hole = 0x3000;

    public static TheoryData<SoftwareEngine> Engines => SoftwareAccelerator.HostHasTranslator ? [SoftwareEngine.Interpreter, SoftwareEngine.Translator] : [SoftwareEngine.Interpreter];

    [Theory]
    [MemberData(nameof(Engines))]
    public void AHoleIsMissedWhenTheGuestGetsThere(SoftwareEngine engine)
    {
        // mov al, [0x3000]; hlt
        using KvmClient client = Start(engine, [0xA0, 0x00, 0x30, 0xF4], None);
        Assert.Equal(-Errno.EFAULT, client.Run(client.Vcpu));
        Assert.Equal(-Errno.EFAULT, client.Run(client.Vcpu));
        Assert.Equal(0x1000UL, client.Get<kvm_regs>(client.Vcpu, KvmIoctl.KVM_GET_REGS).rip);
        Protect(client, ReadWrite);
        client.Bytes[Hole] = 0x5A;
        Assert.Equal(KvmExit.KVM_EXIT_HLT, client.RunToExit(client.Vcpu));
        Assert.Equal(0x5AUL, client.Get<kvm_regs>(client.Vcpu, KvmIoctl.KVM_GET_REGS).rax & 0xFF);
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public void WhatComesBeforeTheGuestIsThereIsNotMissed(SoftwareEngine engine)
    {
        // mov al, [0x3000]; mov [0x3001], al; hlt
        using KvmClient client = Start(engine, [0xA0, 0x00, 0x30, 0xA2, 0x01, 0x30, 0xF4], None);
        Protect(client, ReadWrite);
        client.Bytes[Hole] = 0x5A;
        Assert.Equal(KvmExit.KVM_EXIT_HLT, client.RunToExit(client.Vcpu));
        Assert.Equal(0x5A, client.Bytes[Hole + 1]);
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public void MemoryThatMayOnlyBeReadIsRead(SoftwareEngine engine)
    {
        // mov al, [0x3000]; mov [0x3001], al; hlt
        using KvmClient client = Start(engine, [0xA0, 0x00, 0x30, 0xA2, 0x01, 0x30, 0xF4], ReadOnly);
        Assert.Equal(-Errno.EFAULT, client.Run(client.Vcpu));
        Assert.Equal(0x1003UL, client.Get<kvm_regs>(client.Vcpu, KvmIoctl.KVM_GET_REGS).rip);
        Protect(client, ReadWrite);
        Assert.Equal(KvmExit.KVM_EXIT_HLT, client.RunToExit(client.Vcpu));
        Assert.Equal(0x77, client.Bytes[Hole + 1]);
    }

    [Theory]
    [MemberData(nameof(Engines))]
    public void CodeThatIsNotThereIsMissed(SoftwareEngine engine)
    {
        // jmp 0x3000
        using KvmClient client = Start(engine, [0xE9, 0xFD, 0x1F], None);
        Assert.Equal(-Errno.EFAULT, client.Run(client.Vcpu));
        Assert.Equal(0x3000UL, client.Get<kvm_regs>(client.Vcpu, KvmIoctl.KVM_GET_REGS).rip);
        Protect(client, ReadWrite);
        client.Bytes[Hole] = 0xF4;
        Assert.Equal(KvmExit.KVM_EXIT_HLT, client.RunToExit(client.Vcpu));
    }

    [Fact]
    public void TheLogIsOneForAllPieces()
    {
        const uint LogDirty = 1;

        // mov [0x2000], al; mov [0x5000], al; hlt
        using KvmClient client = Start(SoftwareEngine.Interpreter, [0xA2, 0x00, 0x20, 0xA2, 0x00, 0x50, 0xF4], None, LogDirty);
        Assert.Equal(KvmExit.KVM_EXIT_HLT, client.RunToExit(client.Vcpu));
        Assert.Equal(0b100100UL, ReadLog(client));
        Assert.Equal(0UL, ReadLog(client));
    }

    [Fact]
    public void ASlotWithoutAnyMemoryIsASlot()
    {
        using KvmClient client = Start(SoftwareEngine.Interpreter, [0xF4], None);
        kvm_userspace_memory_region region = new()
        {
            slot = 1,
            guest_phys_addr = 0x400000,
            memory_size = Page,
            userspace_addr = (ulong)client.Memory.Pointer + Hole,
        };
        Assert.Equal(0, client.Set(client.Vm, KvmIoctl.KVM_SET_USER_MEMORY_REGION, region));
        region.slot = 2;
        Assert.Equal(-Errno.EEXIST, client.Set(client.Vm, KvmIoctl.KVM_SET_USER_MEMORY_REGION, region));
        (region.slot, region.guest_phys_addr) = (1, 0x500000);
        Assert.Equal(0, client.Set(client.Vm, KvmIoctl.KVM_SET_USER_MEMORY_REGION, region));
        region.memory_size = 0;
        Assert.Equal(0, client.Set(client.Vm, KvmIoctl.KVM_SET_USER_MEMORY_REGION, region));
        Assert.Equal(KvmExit.KVM_EXIT_HLT, client.RunToExit(client.Vcpu));
    }

    [Fact]
    public void MemoryThatWasUnmappedBetweenTwoSlotsIsMissed()
    {
        // mov al, [0x3000]; hlt
        using KvmClient client = Start(SoftwareEngine.Interpreter, [0xA0, 0x00, 0x30, 0xF4], ReadWrite);
        kvm_userspace_memory_region gone = new() { userspace_addr = (ulong)client.Memory.Pointer };
        Assert.Equal(0, client.Set(client.Vm, KvmIoctl.KVM_SET_USER_MEMORY_REGION, gone));
        Protect(client, None);
        client.AddMemory();
        Assert.Equal(-Errno.EFAULT, client.Run(client.Vcpu));
        Protect(client, ReadWrite);
        Assert.Equal(KvmExit.KVM_EXIT_HLT, client.RunToExit(client.Vcpu));
    }

    // Memory from address 0 on, whose page at 0x3000 has other rights.
    private static KvmClient Start(SoftwareEngine engine, ReadOnlySpan<byte> code, int rights, uint flags = 0)
    {
        KvmClient client = new(new KvmHostOptions { Cpu = new SoftwareOptions { Engine = engine } });
        code.CopyTo(client.Bytes[0x1000..]);
        client.Bytes[Hole] = 0x77;
        Protect(client, rights);
        client.AddMemory(flags: flags);
        client.StartRealMode(client.AddVcpu(0), 0x1000);
        return client;
    }

    private static void Protect(KvmClient client, int rights) => Assert.Equal(0, ProtectCall((nint)client.Memory.Pointer + Hole, Page, rights));

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

    [LibraryImport("libc", EntryPoint = "mprotect")]
    private static partial int ProtectCall(nint address, nuint length, int rights);
}
