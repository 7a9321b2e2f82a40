using System.Buffers.Binary;
using Iced.Intel;
using Vitrine.Accelerators;
using Vitrine.Accelerators.Software;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Processors.SmpMachine;

namespace Vitrine.Tests.Software.Apic;

/// <summary>
/// How many NMIs a processor takes (SDM vol. 3, 6.7.1 "Handling Multiple NMIs"): of those that come before the first is taken two, of those that come
/// while one's handler runs one, behind its IRET. KVM's nmi_pending has the same limits.
/// </summary>
public sealed class NmiTests
{
    private const byte NonMaskable = 2;
    private const ulong Entry = M.Code;
    private const ulong Handler = M.Code + 0x400;
    private const ulong Sender = M.Code + 0x800;
    private const ulong Count = M.Data;
    private const ulong Depth = M.Data + 8;
    private const ulong Deepest = M.Data + 0x10;
    private const ulong Places = M.Data + 0x100;
    private const byte InHandler = 0x60;
    private const byte Sent = 0x61;
    private const int CommandRegister = 0x830;
    private const int NmiToFirst = 0x400;
    private const int Lint1Register = 0x360;

    /// <summary>How the guest runs.</summary>
    public enum Execution
    {
        /// <summary>Interpreter.</summary>
        Interpreted,

        /// <summary>Translator.</summary>
        Translated,

        /// <summary>Both, compared.</summary>
        Lockstep,

        /// <summary>Interpreter, an exit behind each instruction.</summary>
        Stepped,

        /// <summary>Translator, the same.</summary>
        TranslatedSteps,
    }

    /// <summary>Where NMIs come from.</summary>
    public enum Source
    {
        /// <summary>The library's call.</summary>
        Call,

        /// <summary>A message on the interrupt bus.</summary>
        Message,

        /// <summary>Edges on LINT1.</summary>
        Line,

        /// <summary>Another processor's ICR.</summary>
        Processor,

        /// <summary>All of these in turn.</summary>
        Mixed,
    }

    public static TheoryData<Execution, Source> All()
    {
        TheoryData<Execution, Source> cases = [];
        foreach (Execution execution in Enum.GetValues<Execution>())
        {
            foreach (Source source in Enum.GetValues<Source>())
            {
                // Lockstep is for one processor.
                if (execution != Execution.Lockstep || source is not (Source.Processor or Source.Mixed)) cases.Add(execution, source);
            }
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(All))]
    public void TwoAreTakenAndOneWaitsForIret(Execution execution, Source source)
    {
        using M m = Create(execution, execution == Execution.Lockstep ? 1 : 2);
        for (int before = 1; before <= 4; before++)
        {
            for (int inside = 0; inside <= 3; inside++)
            {
                for (int shadow = 0; shadow <= 3; shadow++)
                {
                    string name = $"{before} before, {inside} in the handler, shadow {shadow}";
                    Put(m, shadow == 3 ? MpState.Halted : MpState.Runnable, (byte)(shadow == 3 ? 0 : shadow));
                    Send(m, source, before);
                    Run(m, execution, () => Send(m, source, inside));

                    // The second of two at once waits as one of those that come in the handler do.
                    int behind = Math.Min(Math.Min(before, 2) - 1 + inside, 1);
                    Assert.Equal((name, (ulong)(1 + behind), 1UL), (name, m.Read(Count), m.Read(Deepest)));

                    // A shadow of STI or MOV SS lasts for the first NOP; the second NMI comes before anything behind the first one's IRET.
                    ulong place = Entry + (shadow is 1 or 2 ? 1UL : 0);
                    Assert.Equal((name, place, behind == 0 ? 0 : place), (name, m.Read(Places), m.Read(Places + 8)));
                }
            }
        }
    }

    /// <summary>A processor's NMI to itself is taken before the next instruction; in its handler, behind IRET.</summary>
    [Theory]
    [MemberData(nameof(Engines.All), MemberType = typeof(Engines))]
    public void AProcessorSendsItselfNmis(SoftwareEngine engine)
    {
        using M m = new(engine, 1);
        m.SetGate(NonMaskable, Handler);
        m.Place(Handler, static a =>
        {
            Label end = a.CreateLabel();
            a.inc(__qword_ptr[Count]);
            a.cmp(__qword_ptr[Count], 1);
            a.jne(end);
            for (int i = 0; i < 3; i++) a.wrmsr();
            a.Label(ref end);
            a.iretq();
        });
        m.Place(Entry, static a =>
        {
            a.mov(ecx, CommandRegister);
            a.mov(eax, NmiToFirst);
            a.xor(edx, edx);
            a.wrmsr();
            a.mov(rbx, __qword_ptr[Count]);
            a.wrmsr();
            a.mov(rsi, __qword_ptr[Count]);
            a.hlt();
        });
        m.Run(Entry);
        Assert.Equal((2UL, 3UL), (m.States[0].Gpr[Gpr.Rbx], m.States[0].Gpr[Gpr.Rsi]));
    }

    /// <summary>A state that is read and put into another processor takes the NMIs along; RESET and INIT forget both.</summary>
    [Theory]
    [InlineData(Execution.Interpreted)]
    [InlineData(Execution.Translated)]
    public void AStateTakesNmisAlong(Execution execution)
    {
        using M m = Create(execution, 2);
        for (int count = 0; count <= 3; count++)
        {
            Put(m, MpState.Runnable, 0);
            for (int i = 0; i < count; i++) m.Vcpus[0].RaiseNmi();
            ProcessorState state = new();
            m.Vcpus[0].GetState(state);
            Assert.Equal(Math.Min(count, 2), state.Events.NmisPending);

            // One that is put back whole adds nothing to those that still wait, and takes away none that came meanwhile.
            m.Vcpus[0].PutState(state, PutLevel.Full);
            m.Vcpus[0].GetState(state);
            Assert.Equal(Math.Min(count, 2), state.Events.NmisPending);
            if (count == 1)
            {
                m.Vcpus[0].RaiseNmi();
                m.Vcpus[0].PutState(state, PutLevel.Full);
                m.Vcpus[0].GetState(state);
                Assert.Equal(2, state.Events.NmisPending);
            }

            using M other = Create(execution, 1);
            other.Vcpus[0].PutState(state, PutLevel.Full);
            Run(other, execution, static () => { });
            Assert.Equal((ulong)state.Events.NmisPending, other.Read(Count));

            Put(m, MpState.Runnable, 0);
            Run(m, execution, static () => { });
            Assert.Equal(0UL, m.Read(Count));
        }
    }

    [Theory]
    [InlineData(Execution.Interpreted)]
    [InlineData(Execution.Translated)]
    public void AStateReadInTheHandlerHasOne(Execution execution)
    {
        using M m = Create(execution, 2);
        ProcessorState state = new();
        Put(m, MpState.Runnable, 0);
        Send(m, Source.Call, 2);
        Run(m, execution, () =>
        {
            Send(m, Source.Line, 2);
            m.Vcpus[0].GetState(state);
        });
        Assert.Equal((true, 1), (state.Events.NmiMasked, state.Events.NmisPending));

        // The OUT of the handler has been answered: the other processor runs it once more.
        using M other = Create(execution, 1);
        other.Vcpus[0].PutState(state, PutLevel.Full);
        for (ulong i = 0; i < 5; i++) other.Store(state.Gpr[Gpr.Rsp] + (8 * i), m.Read(state.Gpr[Gpr.Rsp] + (8 * i)));
        other.Store(Count, 1);
        Run(other, execution, static () => { });
        Assert.Equal(2UL, other.Read(Count));
    }

    private static M Create(Execution execution, int vcpus)
    {
        SoftwareEngine engine = execution is Execution.Interpreted or Execution.Stepped ? SoftwareEngine.Interpreter : SoftwareEngine.Translator;
        M m = new(engine, vcpus, lockstep: execution == Execution.Lockstep);
        m.SetGate(NonMaskable, Handler);
        m.Place(Handler, static a =>
        {
            // Counts, notes how deep handlers are nested and where each came from, and lets the host act in the first.
            Label end = a.CreateLabel();
            a.inc(__qword_ptr[Depth]);
            a.mov(rbx, __qword_ptr[Depth]);
            a.or(__qword_ptr[Deepest], rbx);
            a.mov(rbx, __qword_ptr[Count]);
            a.inc(__qword_ptr[Count]);
            a.mov(rsi, __qword_ptr[rsp]);
            a.mov(__qword_ptr[(rbx * 8) + (long)Places], rsi);
            a.test(rbx, rbx);
            a.jnz(end);
            a.@out(InHandler, al);
            a.Label(ref end);
            a.dec(__qword_ptr[Depth]);
            a.iretq();
        });
        m.Place(Entry, static a =>
        {
            a.nop();
            a.nop();
            a.cli();
            a.hlt();
        });
        m.Place(Sender, static a =>
        {
            Label again = a.CreateLabel();
            a.mov(ecx, CommandRegister);
            a.mov(eax, NmiToFirst);
            a.xor(edx, edx);
            a.Label(ref again);
            a.wrmsr();
            a.dec(ebx);
            a.jnz(again);
            a.@out(Sent, al);
        });
        return m;
    }

    private static void Put(M m, MpState activity, byte shadow)
    {
        foreach (ulong place in (ReadOnlySpan<ulong>)[Count, Depth, Deepest, Places, Places + 8, Places + 16, Places + 24]) m.Store(place, 0);
        ProcessorState state = m.States[0];
        state.Rip = Entry;
        state.MpState = activity;

        // STI casts its shadow where it sets IF.
        state.Rflags = Rflags.Fixed | (shadow == 2 ? Rflags.IF : 0);
        state.Events = new PendingEvents { InterruptShadow = shadow };
        BinaryPrimitives.WriteInt32LittleEndian(state.LocalApic.AsSpan(Lint1Register), NmiToFirst);
        m.Vcpus[0].PutState(state, PutLevel.Reset);
    }

    private static void Send(M m, Source source, int count)
    {
        if (count == 0) return;
        if (source == Source.Mixed)
        {
            for (int i = 0; i < count; i++) Send(m, (Source)(i % (int)Source.Mixed), 1);
            return;
        }

        if (source == Source.Processor)
        {
            m.States[1].Rip = Sender;
            m.States[1].Gpr[Gpr.Rbx] = (ulong)count;
            m.States[1].MpState = MpState.Runnable;
            m.Vcpus[1].PutState(m.States[1], PutLevel.Full);
            Assert.Equal(VmExitReason.PortIo, m.Vcpus[1].Run().Reason);

            // It waits again, so that the other's last HLT is for ever.
            m.States[1].MpState = MpState.Uninitialized;
            m.Vcpus[1].PutState(m.States[1], PutLevel.Full);
            return;
        }

        for (int i = 0; i < count; i++)
        {
            switch (source)
            {
                case Source.Call:
                    m.Vcpus[0].RaiseNmi();
                    break;
                case Source.Message:
                    m.Accelerator.SendInterruptMessage(0xFEE0_0000, NmiToFirst);
                    break;
                default:
                    m.Vcpus[0].LocalApic.SetLine(1, true);
                    m.Vcpus[0].LocalApic.SetLine(1, false);
                    break;
            }
        }
    }

    // To the routine's HLT: with interrupts disabled, and no other vCPU that runs, nothing ends it.
    private static void Run(M m, Execution execution, Action inHandler)
    {
        SoftwareVcpu vcpu = m.Vcpus[0];
        vcpu.SingleStep = execution is Execution.Stepped or Execution.TranslatedSteps;
        for (int exits = 0; exits < 200; exits++)
        {
            ref VmExit exit = ref vcpu.Run();
            switch (exit.Reason)
            {
                case VmExitReason.PortIo:
                    Assert.Equal(InHandler, exit.Port);
                    inHandler();
                    break;
                case VmExitReason.HaltForever:
                    return;
                case VmExitReason.Debug:
                    break;
                default:
                    Assert.Fail($"left with {exit.Reason}");
                    break;
            }
        }

        Assert.Fail("the run does not end");
    }
}
