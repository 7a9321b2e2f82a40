using Iced.Intel;
using Vitrine.Accelerators.Coherence;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Processors.SmpMachine;

namespace Vitrine.Tests.Software.Coherence;

/// <summary>
/// Another thread, or the client at an exit, writes code through its own pointer while vCPUs run it. In each round the immediate of MOV EAX, imm32 becomes the number
/// of the round, and whoever hears of it must see that number and no other.
/// </summary>
public abstract unsafe class SharedForeignWriteTests(SoftwareEngine engine)
{
    // SAFETY: pointers are into the machine's memory, which outlives the device's thread.
    private const int Rounds = 200;
    private const byte Vector = 0x41;
    private const byte Port = 0x80;
    private const ulong Executor = M.Code + 0x1000;
    private const ulong Handler = M.Code + 0x2000;
    private const ulong Function = M.Data + 0x4104;
    private const ulong Round = M.Data;
    private const ulong Seen = M.Data + 0x40;
    private const ulong Ready = M.Data + 0x80;

    /// <summary>Processors and MMU; shadow tables are for one.</summary>
    public static TheoryData<int, MmuMode> Machines => new() { { 1, MmuMode.Shadow }, { 1, MmuMode.TwoDimensional }, { 2, MmuMode.TwoDimensional } };

    /// <summary>A device fills memory and raises an interrupt: the handler calls the new code, in place.</summary>
    [Theory]
    [MemberData(nameof(Machines))]
    public void AnInterruptTellsOfCodeThatADeviceWrote(int vcpus, MmuMode mmu)
    {
        using M m = Machine(vcpus, mmu);
        m.SetGate(Vector, Handler);
        m.Place(Executor, a =>
        {
            Label next = a.CreateLabel();
            a.xor(r12d, r12d);
            a.sti();
            a.@lock.inc(__dword_ptr[Ready]);
            a.Label(ref next);
            Call(a);
            a.cmp(r12d, Rounds);
            a.jne(next);
            a.cli();
            a.hlt();
        });
        m.Place(Handler, a =>
        {
            Label good = a.CreateLabel();
            a.push(rax);
            a.push(rcx);
            a.push(rdx);
            Call(a);
            a.mov(r12d, __dword_ptr[Round]);
            a.cmp(eax, r12d);
            a.je(good);
            a.ud2();
            a.Label(ref good);
            M.EndInterrupt(a);
            a.@lock.inc(__dword_ptr[Seen]);
            a.pop(rdx);
            a.pop(rcx);
            a.pop(rax);
            a.iretq();
        });
        using ManualResetEventSlim over = new();
        Thread device = new(() =>
        {
            while (m.Read(Ready, 4) != (ulong)vcpus && !over.IsSet) Thread.Yield();
            for (int round = 1; round <= Rounds; round++)
            {
                Volatile.Write(ref *(int*)(m.Ram.Pointer + Function + 1), round);
                Volatile.Write(ref *(int*)(m.Ram.Pointer + Round), round);
                for (int vcpu = 0; vcpu < vcpus; vcpu++) m.Accelerator.SendInterruptMessage(0xFEE0_0000 | ((ulong)vcpu << 12), Vector);
                while (m.Read(Seen, 4) != (ulong)(round * vcpus) && !over.IsSet) Thread.Yield();
            }
        });
        device.Start();
        try
        {
            m.Run(Executor);
        }
        finally
        {
            over.Set();
            device.Join();
        }

        Assert.Equal((ulong)(Rounds * vcpus), m.Read(Seen, 4));
    }

    /// <summary>
    /// The client writes at an exit of one vCPU, as a debugger does. That one goes on and tells the other by a word in memory, which runs all the while and calls the
    /// code: both see it.
    /// </summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void WhatAClientWritesAtAnExitIsSeenByAll(int vcpus)
    {
        using M m = Machine(vcpus, MmuMode.TwoDimensional);
        m.OnPortWrite = (vcpu, _, value) =>
        {
            *(int*)(m.Ram.Pointer + Function + 1) = (int)value;
            vcpu.Coherence!.Doubt(MemoryDoubt.Code);
            return true;
        };
        m.Place(M.Code, a =>
        {
            Label next = a.CreateLabel();
            Label good = a.CreateLabel();
            Label wait = a.CreateLabel();
            a.mov(r12d, 1);
            a.Label(ref next);
            a.mov(eax, r12d);
            a.@out(Port, al);
            Call(a);
            a.cmp(eax, r12d);
            a.je(good);
            a.ud2();
            a.Label(ref good);
            a.mov(__dword_ptr[Round], r12d);
            a.Label(ref wait);
            if (vcpus > 1)
            {
                a.cmp(__dword_ptr[Seen], r12d);
                a.jne(wait);
            }

            a.inc(r12d);
            a.cmp(r12d, Rounds);
            a.jbe(next);
            a.hlt();
        });
        m.Place(Executor, a =>
        {
            Label next = a.CreateLabel();
            Label good = a.CreateLabel();
            a.mov(r12d, 1);
            a.Label(ref next);
            a.cmp(__dword_ptr[Round], r12d);
            a.jne(next);
            Call(a);
            a.cmp(eax, r12d);
            a.je(good);
            a.ud2();
            a.Label(ref good);
            a.mov(__dword_ptr[Seen], r12d);
            a.inc(r12d);
            a.cmp(r12d, Rounds);
            a.jbe(next);
            a.hlt();
        });
        if (vcpus == 1) m.Run(M.Code);
        else m.Run(M.Code, Executor);
    }

    private M Machine(int vcpus, MmuMode mmu)
    {
        M m = new(engine, vcpus, mmu: mmu, foreignWrites: true);
        m.Place(Function, static a =>
        {
            a.mov(eax, 0);
            a.ret();
        });
        return m;
    }

    private static void Call(Assembler a)
    {
        a.mov(edx, (uint)Function);
        a.call(rdx);
    }

    public sealed class ByInterpreter() : SharedForeignWriteTests(SoftwareEngine.Interpreter);

    public sealed class ByTranslator() : SharedForeignWriteTests(SoftwareEngine.Translator);
}
