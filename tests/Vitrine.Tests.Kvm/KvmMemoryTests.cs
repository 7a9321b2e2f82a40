using Iced.Intel;
using Vitrine.Accelerators;
using Vitrine.Accelerators.Kvm.Native;
using Vitrine.Errors;
using Vitrine.Kvm.Abi;
using Vitrine.Memory;
using Vitrine.X86;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Tests.Kvm;

public sealed class KvmMemoryTests
{
    private const ulong High = 0x200000;

    [Fact]
    public void OverlapIsRefusedByKvmAndSaidSo()
    {
        using var guest = new KvmGuest();
        using var other = new GuestMemory();
        _ = other.Add("elsewhere", new Gpa(0x40000000), 4096);
        MemorySlot overlapping = other.Add("overlapping", new Gpa(0x80000), 4096);
        VitrineException e = Assert.Throws<VitrineException>(() => guest.Accelerator.SetMemorySlot(overlapping));
        Assert.Equal("KVM_SET_USER_MEMORY_REGION failed with EEXIST.", e.What);
        Assert.Contains("overlaps", e.Why, StringComparison.Ordinal);
        const int EEXIST = 17;
        Assert.Equal(EEXIST, Assert.IsType<KvmIoctlException>(e.InnerException).Errno);
    }

    [Fact]
    public void WriteToReadOnlySlotLeavesAndChangesNothing()
    {
        using var guest = new KvmGuest();
        MemorySlot rom = guest.Memory.Add("rom", new Gpa(High), 4096, MemorySlotFlags.ReadOnly);
        guest.Accelerator.SetMemorySlot(rom);
        Assert.True(guest.Memory.TryWrite(new Gpa(High), [0x11, 0x22, 0x33, 0x44]));
        guest.LoadProtected(a =>
        {
            a.mov(eax, __dword_ptr[High]);
            a.mov(__dword_ptr[High], 0x55667788);
            a.hlt();
        });
        ref VmExit exit = ref guest.Vcpu.Run();
        Assert.Equal((VmExitReason.Mmio, true, High, 4), (exit.Reason, exit.IsWrite, exit.Address, exit.Size));
        Assert.Equal([0x88, 0x77, 0x66, 0x55], exit.Data.ToArray());
        Assert.Equal(0x44332211UL, guest.State().Gpr[Gpr.Rax]);
        byte[] bytes = new byte[4];
        Assert.True(guest.Memory.TryRead(new Gpa(High), bytes));
        Assert.Equal([0x11, 0x22, 0x33, 0x44], bytes);
    }

    [Fact]
    public void AccessToHoleLeavesAndTheAnswerArrives()
    {
        using var guest = new KvmGuest();
        guest.LoadProtected(a =>
        {
            a.movzx(eax, __word_ptr[High + 6]);
            a.mov(__byte_ptr[High], 0x5A);
            a.hlt();
        });
        ref VmExit exit = ref guest.Vcpu.Run();
        Assert.Equal((VmExitReason.Mmio, false, High + 6, 2), (exit.Reason, exit.IsWrite, exit.Address, exit.Size));
        exit.Data[0] = 0xCD;
        exit.Data[1] = 0xAB;
        exit = ref guest.Vcpu.Run();
        Assert.Equal((VmExitReason.Mmio, true, High, 1), (exit.Reason, exit.IsWrite, exit.Address, exit.Size));
        Assert.Equal([0x5A], exit.Data.ToArray());
        Assert.Equal(0xABCDUL, guest.State().Gpr[Gpr.Rax]);
    }

    [Fact]
    public void AccessAcrossPagesIsFinishedInParts()
    {
        using var guest = new KvmGuest();
        guest.LoadProtected(a =>
        {
            a.mov(__dword_ptr[High + 0xFFE], 0x44332211);
            a.@out(0x80, al);
        });
        ref VmExit exit = ref guest.Vcpu.Run();
        Assert.Equal((VmExitReason.Mmio, High + 0xFFE, 2), (exit.Reason, exit.Address, exit.Size));
        Assert.Equal([0x11, 0x22], exit.Data.ToArray());

        // Reading the state completes the first part; the second must not be lost.
        _ = guest.State();
        exit = ref guest.Vcpu.Run();
        Assert.Equal((VmExitReason.Mmio, High + 0x1000, 2), (exit.Reason, exit.Address, exit.Size));
        Assert.Equal([0x33, 0x44], exit.Data.ToArray());
        Assert.Equal(VmExitReason.PortIo, guest.Vcpu.Run().Reason);
    }

    [Fact]
    public void FetchFromHoleIsAnInternalError()
    {
        using var guest = new KvmGuest();
        guest.LoadProtected(a => a.nop(), state => state.Rip = High);
        ref VmExit exit = ref guest.Vcpu.Run();
        Assert.Equal((VmExitReason.InternalError, 1u), (exit.Reason, exit.Suberror));
        Assert.Equal("KVM_INTERNAL_ERROR_EMULATION", KvmExitName.OfSuberror(exit.Suberror));
        Assert.Equal("KVM_EXIT_INTERNAL_ERROR", KvmExitName.Of(guest.Vcpu.LastExitReason));
    }

    [Fact]
    public void RemovedSlotIsAHole()
    {
        using var guest = new KvmGuest();
        MemorySlot slot = guest.Memory.Add("extra", new Gpa(High), 4096);
        guest.Accelerator.SetMemorySlot(slot);
        guest.LoadProtected(a =>
        {
            a.mov(eax, __dword_ptr[High]);
            a.@out(0x80, al);
            a.mov(eax, __dword_ptr[High]);
        });
        Assert.Equal(VmExitReason.PortIo, guest.Vcpu.Run().Reason);
        guest.Accelerator.RemoveMemorySlot(slot);
        ref VmExit exit = ref guest.Vcpu.Run();
        Assert.Equal((VmExitReason.Mmio, High), (exit.Reason, exit.Address));

        // Once more is no error, as removing twice is none.
        guest.Accelerator.RemoveMemorySlot(slot);
    }

    [Fact]
    public void DirtyLogHoldsExactlyTheWrittenPages()
    {
        using var guest = new KvmGuest();
        MemorySlot slot = guest.Memory.Add("logged", new Gpa(High), 70 * 4096, MemorySlotFlags.LogDirtyPages);
        guest.Accelerator.SetMemorySlot(slot);
        guest.LoadProtected(a =>
        {
            Label again = a.CreateLabel();
            a.mov(__byte_ptr[High + 0x3000], 1);
            a.mov(__byte_ptr[High + (69 * 4096) + 5], 1);
            a.mov(al, __byte_ptr[High + 0x5000]);
            a.@out(0x80, al);
            a.Label(ref again);
            a.mov(__byte_ptr[High + 0x4000], 1);
            a.@out(0x80, al);
            a.jmp(again);
        });
        ulong[] bitmap = new ulong[2];
        Assert.Equal([1UL << 3, 1UL << 5], Pages());
        Assert.Equal([1UL << 4, 0], Pages());

        // Clearing protects the page again: the same write is seen a second time.
        Assert.Equal([1UL << 4, 0], Pages());
        guest.Accelerator.GetDirtyLog(slot, bitmap);
        Assert.Equal([0UL, 0], bitmap);

        ulong[] Pages()
        {
            Assert.Equal(VmExitReason.PortIo, guest.Vcpu.Run().Reason);
            guest.Accelerator.GetDirtyLog(slot, bitmap);
            return bitmap;
        }
    }

    /// <summary>KVM doesn't see what a device writes; the log holds it, through whichever slot it was written, beside the guest's own pages.</summary>
    [Fact]
    public void DirtyLogHoldsWhatADeviceWrote()
    {
        using var guest = new KvmGuest();
        guest.Memory.Observe(guest.Accelerator);
        MemorySlot slot = guest.Memory.Add("logged", new Gpa(High), 70 * 4096, MemorySlotFlags.LogDirtyPages);
        MemorySlot shown = guest.Memory.AddAlias("shown", new Gpa(High * 2), 2 * 4096, slot, 4096, MemorySlotFlags.LogDirtyPages);
        guest.Accelerator.SetMemorySlot(slot);
        guest.Accelerator.SetMemorySlot(shown);
        guest.LoadProtected(a =>
        {
            a.mov(__byte_ptr[High + 0x7000], 1);
            a.@out(0x80, al);
        });
        IGuestMemory device = guest.Memory.ForDevices;
        Assert.True(device.TryWrite(new Gpa(High + 0xFFF), [1, 2]));
        Assert.True(device.TryWrite(new Gpa((High * 2) + 0x1000), [1]));
        Assert.True(device.TryWrite(new Gpa(High + (69 * 4096)), [1]));
        Assert.Equal(VmExitReason.PortIo, guest.Vcpu.Run().Reason);
        ulong[] bitmap = new ulong[2];
        guest.Accelerator.GetDirtyLog(slot, bitmap);
        Assert.Equal([0b1000_0111UL, 1UL << 5], bitmap);
        guest.Accelerator.GetDirtyLog(slot, bitmap);
        Assert.Equal([0UL, 0], bitmap);
        guest.Accelerator.GetDirtyLog(shown, bitmap);
        Assert.Equal(0b11UL, bitmap[0]);
        guest.Accelerator.RemoveMemorySlot(slot);
        Assert.True(device.TryWrite(new Gpa(High), [1]));
    }

    /// <summary>A range that shows RAM or a ROM in turn, at the guest's order: KVM wants slots deleted before others take their place.</summary>
    [Fact]
    public void ARangeIsToggledBetweenRamAndRom()
    {
        using var guest = new KvmGuest();
        guest.Memory.Observe(guest.Accelerator);
        MemorySlot rom = guest.Memory.Add("rom", new Gpa(High), 0x1000, MemorySlotFlags.ReadOnly);
        Assert.True(guest.Memory.TryWrite(new Gpa(High), [0x55]));
        MemoryRegion view = guest.Memory.AddView("view", new Gpa(0x4_0000), 0x1000, rom, 0, MemorySlotFlags.ReadOnly, priority: 1, mapped: false);
        guest.LoadProtected(a =>
        {
            Label again = a.CreateLabel();
            a.Label(ref again);
            a.mov(al, __byte_ptr[0x4_0000]);
            a.@out(0x80, al);
            a.jmp(again);
        });
        for (int i = 0; i < 20; i++)
        {
            ref VmExit exit = ref guest.Vcpu.Run();
            Assert.Equal((VmExitReason.PortIo, (i & 1) == 0 ? 0 : 0x55), (exit.Reason, exit.Data[0]));
            if ((i & 1) == 0) Assert.True(view.TryMap());
            else view.Unmap();
        }
    }

    [Fact]
    public void DirtyLogOfSlotWithoutOneIsRefused()
    {
        using var guest = new KvmGuest();
        VitrineException e = Assert.Throws<VitrineException>(() => guest.Accelerator.GetDirtyLog(guest.Ram, new ulong[4]));
        Assert.Contains("LogDirtyPages", e.Why, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => guest.Accelerator.GetDirtyLog(guest.Ram, new ulong[3]));
    }
}
