using Iced.Intel;
using Vitrine.Accelerators;
using Vitrine.X86;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Tests.Kvm;

public sealed class KvmRunTests
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    [Fact]
    public void OutReachesTheRunLoop()
    {
        using var guest = new KvmGuest();
        guest.LoadReal(a =>
        {
            a.mov(al, 0x5A);
            a.@out(0x80, al);
            a.mov(dx, 0xCF8);
            a.mov(eax, 0x80001234);
            a.@out(dx, eax);
        });
        ref VmExit exit = ref guest.Vcpu.Run();
        Assert.Equal((VmExitReason.PortIo, true), (exit.Reason, exit.IsWrite));
        Assert.Equal((0x80, 1, 1), (exit.Port, exit.Size, exit.Count));
        Assert.Equal([0x5A], exit.Data.ToArray());
        exit = ref guest.Vcpu.Run();
        Assert.Equal((0xCF8, 4, 1), (exit.Port, exit.Size, exit.Count));
        Assert.Equal([0x34, 0x12, 0x00, 0x80], exit.Data.ToArray());
    }

    [Fact]
    public void InGetsItsAnswerBeforeTheStateIsRead()
    {
        using var guest = new KvmGuest();
        guest.LoadReal(a =>
        {
            a.mov(eax, 0x11223344);
            a.@in(ax, 0x60);
            a.nop();
        });
        ref VmExit exit = ref guest.Vcpu.Run();
        Assert.Equal((VmExitReason.PortIo, false), (exit.Reason, exit.IsWrite));
        Assert.Equal((0x60, 2, 1), (exit.Port, exit.Size, exit.Count));
        exit.Data[0] = 0xEF;
        exit.Data[1] = 0xBE;
        ProcessorState state = guest.State();
        Assert.Equal(0x1122BEEFUL, state.Gpr[Gpr.Rax]);

        // mov eax, imm32 has 6 bytes in real mode, in ax, imm8 has 2: the state is that after both.
        Assert.Equal(KvmGuest.CodeAddress + 8, state.Rip);
    }

    [Fact]
    public void StringIoTransfersAllElements()
    {
        using var guest = new KvmGuest();
        Assert.True(guest.Memory.TryWrite(new Gpa(0x3000), "Vitrine!"u8));
        guest.LoadReal(a =>
        {
            a.mov(dx, 0x402);
            a.mov(si, 0x3000);
            a.mov(cx, 8);
            a.rep.outsb();
            a.mov(di, 0x4000);
            a.mov(cx, 4);
            a.rep.insw();
            a.@out(0x80, al);
        });
        var written = new List<byte>();
        int read = 0;
        ref VmExit exit = ref guest.Vcpu.Run();
        for (; exit.Port == 0x402; exit = ref guest.Vcpu.Run())
        {
            Assert.Equal(VmExitReason.PortIo, exit.Reason);
            Assert.Equal(exit.Size * exit.Count, exit.Data.Length);
            if (exit.IsWrite)
            {
                Assert.Equal(1, exit.Size);
                written.AddRange(exit.Data);
            }
            else
            {
                Assert.Equal(2, exit.Size);
                for (int i = 0; i < exit.Data.Length; i++) exit.Data[i] = (byte)(0xA0 + read++);
            }
        }

        Assert.Equal("Vitrine!"u8, written.ToArray());
        byte[] bytes = new byte[9];
        Assert.True(guest.Memory.TryRead(new Gpa(0x4000), bytes));
        Assert.Equal([0xA0, 0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0], bytes);
    }

    [Fact]
    public void TripleFaultIsAShutdown()
    {
        using var guest = new KvmGuest();

        // No interrupt descriptor table: #UD, then #DF, then nothing is left.
        guest.LoadProtected(a => a.ud2(), state => state.Idtr = new DescriptorTable(0, 0));
        Assert.Equal(VmExitReason.Shutdown, guest.Vcpu.Run().Reason);
    }

    [Fact]
    public void KickBeforeTheRunEndsIt()
    {
        using var guest = new KvmGuest();
        guest.LoadReal(Spin);
        guest.Vcpu.Kick();
        guest.Vcpu.Kick();
        Assert.Equal(VmExitReason.Interrupted, guest.Vcpu.Run().Reason);
    }

    [Fact]
    public void KickIsNotLostWhileIoIsCompleted()
    {
        using var guest = new KvmGuest();
        guest.LoadReal(a =>
        {
            a.@out(0x80, al);
            Spin(a);
        });
        Assert.Equal(VmExitReason.PortIo, guest.Vcpu.Run().Reason);
        guest.Vcpu.Kick();
        _ = guest.State();
        Assert.Equal(VmExitReason.Interrupted, guest.Vcpu.Run().Reason);
    }

    /// <summary>A guest that never leaves by itself, running or halted, with interrupts enabled or not.</summary>
    [Theory]
    [InlineData("spin")]
    [InlineData("hlt")]
    [InlineData("sti hlt")]
    public void KickFromAnotherThreadEndsTheRun(string how)
    {
        using var guest = new KvmGuest();
        guest.LoadReal(a =>
        {
            a.inc(__dword_ptr[0x3000]);
            if (how.StartsWith("sti", StringComparison.Ordinal)) a.sti();
            if (how.EndsWith("hlt", StringComparison.Ordinal)) a.hlt();
            else Spin(a);
        });
        VmExitReason reason = default;
        var thread = new Thread(() => reason = guest.Vcpu.Run().Reason) { IsBackground = true };
        thread.Start();

        // The guest says that it runs; that it is inside KVM_RUN follows.
        byte[] flag = new byte[1];
        Assert.True(SpinWait.SpinUntil(() => guest.Memory.TryRead(new Gpa(0x3000), flag) && flag[0] != 0, s_patience), "the guest did not start");
        guest.Vcpu.Kick();
        Assert.True(thread.Join(s_patience), "the kick was lost");
        Assert.Equal(VmExitReason.Interrupted, reason);
    }

    [Fact]
    public void KicksAreNeverLost()
    {
        using var guest = new KvmGuest();
        guest.LoadReal(a =>
        {
            Label again = a.CreateLabel();
            a.Label(ref again);
            a.@out(0x80, al);
            a.jmp(again);
        });
        const int Kicks = 50;
        int answered = 0;
        int asked = 0;
        var thread = new Thread(() =>
        {
            while (Volatile.Read(ref answered) < Kicks)
            {
                // The run loop's rule: a request is looked at after every exit, and a kick makes an exit.
                if (guest.Vcpu.Run().Reason != VmExitReason.Interrupted && Volatile.Read(ref asked) == Volatile.Read(ref answered)) continue;
                Volatile.Write(ref answered, Volatile.Read(ref asked));
            }
        })
        { IsBackground = true };
        thread.Start();
        for (int i = 1; i <= Kicks; i++)
        {
            Volatile.Write(ref asked, i);
            guest.Vcpu.Kick();
            Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref answered) == i, s_patience), $"kick {i} was lost");
        }

        Assert.True(thread.Join(s_patience));
    }

    [Fact]
    public void DisposedVcpuMayBeKicked()
    {
        var guest = new KvmGuest();
        guest.Dispose();
        guest.Vcpu.Kick();
        guest.Vcpu.Dispose();
    }

    private static void Spin(Assembler a)
    {
        Label here = a.CreateLabel();
        a.Label(ref here);
        a.jmp(here);
    }
}
