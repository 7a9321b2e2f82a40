using Iced.Intel;
using Vitrine.Accelerators;
using Vitrine.Accelerators.Software;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Processors.SmpMachine;

namespace Vitrine.Tests.Software.Apic;

/// <summary>When a processor takes the interrupts and NMIs that wait (SDM vol. 3, 6.7 "Nonmaskable Interrupt (NMI)", 11.8 "Handling Interrupts").</summary>
public sealed class EventDeliveryTests
{
    private const byte Vector = 0x41;
    private const byte NonMaskable = 2;
    private const ulong Handler = M.Code + 0x400;
    private const ulong Count = M.Data;
    private const ulong Seen = M.Data + 8;
    private const uint CommandRegister = 0x830;
    private const uint SelfRegister = 0x83F;
    private const int NmiToFirst = 0x400;

    public static TheoryData<SoftwareEngine> All => Engines.All;

    /// <summary>The kick ends the run before the interrupt that came with it is looked at; the next run must take it.</summary>
    [Theory]
    [MemberData(nameof(All))]
    public void AnInterruptThatComesWithAKickIsTakenLater(SoftwareEngine engine)
    {
        using M m = new(engine, 1);
        PlaceCounter(m);
        m.Place(M.Code, static a => WaitFor(a, 1));
        Put(m, PutLevel.Full, Rflags.IF);
        m.Accelerator.SendInterruptMessage(0xFEE0_0000, Vector);
        m.Vcpus[0].Kick();
        Assert.Equal(VmExitReason.Interrupted, m.Vcpus[0].Run().Reason);
        m.Resume();
        Assert.Equal(1ul, m.Read(Count));
    }

    /// <summary>An access that user space has answered belongs to an instruction that ends before anything is taken: else the handler's first would get the answer.</summary>
    [Theory]
    [MemberData(nameof(All))]
    public void AnNmiWaitsForTheEndOfAnInstructionThatHasAccessedADevice(SoftwareEngine engine)
    {
        const byte InHandler = 0x60, InCode = 0x61;
        using M m = new(engine, 1);
        m.SetGate(NonMaskable, Handler);
        m.Place(Handler, static a =>
        {
            a.@out(InHandler, al);
            a.iretq();
        });
        m.Place(M.Code, static a =>
        {
            Label loop = a.CreateLabel();
            a.Label(ref loop);
            a.@out(InCode, al);
            a.jmp(loop);
        });
        Put(m, PutLevel.Full);
        for (int i = 0; i < 5; i++)
        {
            ref VmExit first = ref m.Vcpus[0].Run();
            Assert.Equal((VmExitReason.PortIo, InCode), (first.Reason, first.Port));
            m.Vcpus[0].RaiseNmi();
            ref VmExit second = ref m.Vcpus[0].Run();
            Assert.Equal((VmExitReason.PortIo, InHandler), (second.Reason, second.Port));
        }
    }

    /// <summary>An interrupt whose class the task priority held back comes behind the MOV that lowers it (11.8.3).</summary>
    [Theory]
    [MemberData(nameof(All))]
    public void ALowerTaskPriorityLetsAnInterruptThrough(SoftwareEngine engine)
    {
        using M m = new(engine, 1);
        PlaceCounter(m);
        m.Place(M.Code, static a =>
        {
            a.xor(ebx, ebx);
            a.mov(eax, 0xF);
            a.mov(cr8, rax);
            a.sti();
            Write(a, SelfRegister, Vector);
            a.xor(eax, eax);
            a.mov(cr8, rax);
            WaitFor(a, 1);
        });
        Put(m, PutLevel.Full);
        m.Resume();
        Assert.Equal((1ul, 0ul), (m.Read(Count), m.Read(Seen)));
    }

    /// <summary>A second NMI waits for the IRET of the first, and comes behind it (6.7.1 "Handling Multiple NMIs").</summary>
    [Theory]
    [MemberData(nameof(All))]
    public void AnNmiThatWaitsIsTakenBehindIret(SoftwareEngine engine)
    {
        const ulong Nested = M.Data + 0x10;
        using M m = new(engine, 1);
        m.SetGate(NonMaskable, Handler);
        m.Place(Handler, static a =>
        {
            Label end = a.CreateLabel();
            a.mov(__qword_ptr[Seen], rbx);
            a.inc(__qword_ptr[Count]);
            a.cmp(__qword_ptr[Count], 1);
            a.jne(end);
            Write(a, CommandRegister, NmiToFirst);
            a.mov(rax, __qword_ptr[Count]);
            a.mov(__qword_ptr[Nested], rax);
            a.Label(ref end);
            a.iretq();
        });
        m.Place(M.Code, static a =>
        {
            a.xor(ebx, ebx);
            Write(a, CommandRegister, NmiToFirst);
            WaitFor(a, 2);
        });
        Put(m, PutLevel.Full);
        m.Resume();
        Assert.Equal((2ul, 1ul, 0ul), (m.Read(Count), m.Read(Nested), m.Read(Seen)));
    }

    /// <summary>RESET ends the blocking of NMIs by one whose handler has not returned; a state that is put back whole keeps it.</summary>
    [Theory]
    [InlineData(false, VmExitReason.HaltForever)]
    [InlineData(true, VmExitReason.PortIo)]
    public void NmisAreBlockedUntilReset(bool reset, VmExitReason expected)
    {
        using M m = new(SoftwareEngine.Interpreter, 1);
        m.Place(M.Code, static a => a.hlt());
        Put(m, PutLevel.Full);
        m.Vcpus[0].RaiseNmi();
        Assert.Equal(VmExitReason.PortIo, m.Vcpus[0].Run().Reason);
        ProcessorState state = new();
        m.Vcpus[0].GetState(state);
        Assert.True(state.Events.NmiMasked);
        if (reset)
        {
            Put(m, PutLevel.Reset);
        }
        else
        {
            state.Rip = M.Code;
            m.Vcpus[0].PutState(state, PutLevel.Full);
        }

        m.Vcpus[0].RaiseNmi();
        Assert.Equal(expected, m.Vcpus[0].Run().Reason);
    }

    /// <summary>RESET forgets an NMI that waits; a state that is put back whole, read before it came, does not.</summary>
    [Theory]
    [InlineData(false, VmExitReason.PortIo)]
    [InlineData(true, VmExitReason.HaltForever)]
    public void AnNmiWaitsUntilReset(bool reset, VmExitReason expected)
    {
        using M m = new(SoftwareEngine.Interpreter, 1);
        m.Place(M.Code, static a => a.hlt());
        m.Vcpus[0].RaiseNmi();
        Put(m, reset ? PutLevel.Reset : PutLevel.Full);
        Assert.Equal(expected, m.Vcpus[0].Run().Reason);
    }

    private static void Put(M m, PutLevel level, ulong flags = 0)
    {
        m.States[0].Rip = M.Code;
        m.States[0].Rflags |= flags;
        m.Vcpus[0].PutState(m.States[0], level);
    }

    // Counts its calls, and notes how far the loop of WaitFor was.
    private static void PlaceCounter(M m)
    {
        m.SetGate(Vector, Handler);
        m.Place(Handler, static a =>
        {
            a.inc(__qword_ptr[Count]);
            a.mov(__qword_ptr[Seen], rbx);
            M.EndInterrupt(a);
            a.iretq();
        });
    }

    private static void WaitFor(Assembler a, int count)
    {
        Label again = a.CreateLabel();
        a.Label(ref again);
        a.cmp(__qword_ptr[Count], count);
        Label there = a.CreateLabel();
        a.je(there);
        a.inc(rbx);
        a.jmp(again);
        a.Label(ref there);
        a.cli();
        a.hlt();
    }

    private static void Write(Assembler a, uint msr, int value)
    {
        a.mov(ecx, msr);
        a.mov(eax, value);
        a.xor(edx, edx);
        a.wrmsr();
    }
}
