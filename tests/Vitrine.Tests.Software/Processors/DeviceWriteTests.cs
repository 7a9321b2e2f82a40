using Iced.Intel;
using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software;
using Vitrine.X86;
using Xunit;
using static Iced.Intel.AssemblerRegisters;
using M = Vitrine.Tests.Software.Processors.SmpMachine;

namespace Vitrine.Tests.Software.Processors;

/// <summary>
/// A device with a thread of its own that writes code while vCPUs run it. In each round the immediate of MOV EAX, imm32 becomes the number of the round, and
/// whoever hears of it must see that number and no other.
/// </summary>
public abstract class DeviceWriteTests(SoftwareEngine engine)
{
    private const int Rounds = 200;
    private const byte Vector = 0x41;
    private const ulong Executor = M.Code + 0x1000;
    private const ulong Handler = M.Code + 0x2000;
    private const ulong Function = M.Data + 0x4103;
    private const ulong Round = M.Data;
    private const ulong Seen = M.Data + 0x40;
    private const ulong Ready = M.Data + 0x80;

    /// <summary>Processors and MMU; shadow tables are for one.</summary>
    public static TheoryData<int, MmuMode> Machines => new() { { 1, MmuMode.Shadow }, { 1, MmuMode.TwoDimensional }, { 2, MmuMode.TwoDimensional } };

    /// <summary>The interrupt that a device raises after its write doesn't overtake it: the handler calls the new code.</summary>
    [Theory]
    [MemberData(nameof(Machines))]
    public void AnInterruptDoesNotOvertakeTheCodeBeforeIt(int vcpus, MmuMode mmu)
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
        Run(m, vcpus, _ =>
        {
            for (int vcpu = 0; vcpu < vcpus; vcpu++) m.Accelerator.SendInterruptMessage(0xFEE0_0000 | ((ulong)vcpu << 12), Vector);
        });
    }

    /// <summary>A word in memory announces the write, as a descriptor in a queue does; the guest serializes.</summary>
    [Theory]
    [MemberData(nameof(Machines))]
    public void AWordAnnouncesNewCode(int vcpus, MmuMode mmu)
    {
        using M m = Machine(vcpus, mmu);
        m.Place(Executor, a =>
        {
            Label next = a.CreateLabel();
            Label wait = a.CreateLabel();
            Label good = a.CreateLabel();
            a.xor(r12d, r12d);
            a.@lock.inc(__dword_ptr[Ready]);
            a.Label(ref next);
            a.inc(r12d);
            a.Label(ref wait);
            Call(a);
            a.cmp(__dword_ptr[Round], r12d);
            a.jne(wait);
            a.xor(eax, eax);
            a.cpuid();
            Call(a);
            a.cmp(eax, r12d);
            a.je(good);
            a.ud2();
            a.Label(ref good);
            a.@lock.inc(__dword_ptr[Seen]);
            a.cmp(r12d, Rounds);
            a.jne(next);
            a.hlt();
        });
        Run(m, vcpus, static _ => { });
    }

    /// <summary>A loop that knows nothing but itself ends when its only instruction is overwritten.</summary>
    [Theory]
    [MemberData(nameof(Machines))]
    public void ALoopThatIsOverwrittenEnds(int vcpus, MmuMode mmu)
    {
        using M m = Machine(vcpus, mmu);
        m.Place(Executor, a =>
        {
            Label again = a.CreateLabel();
            a.@lock.inc(__dword_ptr[Seen]);
            a.Label(ref again);
            a.jmp(again);
            a.hlt();
        });
        ulong loop = Executor + (ulong)M.Assemble(Executor, static a => a.@lock.inc(__dword_ptr[Seen])).Length;
        Thread device = new(() =>
        {
            while (m.Read(Seen, 4) != (ulong)vcpus) Thread.Yield();
            Thread.Sleep(20);

            // JMP to the next instruction, in one store.
            m.Memory.ForDevices.TryWrite(new Gpa(loop + 1), [0]);
        });
        device.Start();
        m.Run(Executor);
        device.Join();
    }

    /// <summary>A vCPU tells the device, which writes on its thread; the other one runs what is written.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void ADeviceWritesAtTheOrderOfAVcpu(int vcpus)
    {
        using M m = Machine(vcpus, MmuMode.TwoDimensional);
        m.OnPortWrite = (_, _, value) => m.Memory.ForDevices.TryWrite(new Gpa(Function + 1), [(byte)value]);
        m.Place(M.Code, a =>
        {
            Label next = a.CreateLabel();
            Label good = a.CreateLabel();
            a.mov(r12d, 100);
            a.Label(ref next);
            a.mov(eax, r12d);
            a.@out(0x80, al);
            Call(a);
            a.cmp(eax, r12d);
            a.je(good);
            a.ud2();
            a.Label(ref good);
            a.dec(r12d);
            a.jnz(next);
            a.mov(__dword_ptr[Round], 1);
            a.hlt();
        });
        m.Place(Executor, a =>
        {
            Label next = a.CreateLabel();
            a.Label(ref next);
            Call(a);
            a.cmp(__dword_ptr[Round], 1);
            a.jne(next);
            a.xor(eax, eax);
            a.cpuid();
            Call(a);
            a.mov(__dword_ptr[Seen], eax);
            a.hlt();
        });
        m.Run(vcpus == 1 ? [M.Code] : [M.Code, Executor]);
        if (vcpus == 2) Assert.Equal(1UL, m.Read(Seen, 4));
    }

    private M Machine(int vcpus, MmuMode mmu)
    {
        M m = new(engine, vcpus, mmu: mmu);
        m.Memory.Observe(m.Accelerator);
        m.Place(Function, static a =>
        {
            a.mov(eax, 0);
            a.ret();
        });
        return m;
    }

    private static void Run(M m, int vcpus, Action<int> announce)
    {
        using ManualResetEventSlim over = new();
        Thread device = new(() =>
        {
            // An interrupt before the state is put would be lost.
            while (m.Read(Ready, 4) != (ulong)vcpus && !over.IsSet) Thread.Yield();
            for (int round = 1; round <= Rounds; round++)
            {
                m.Memory.ForDevices.TryWrite(new Gpa(Function + 1), BitConverter.GetBytes(round));
                m.Memory.ForDevices.TryWrite(new Gpa(Round), BitConverter.GetBytes(round));
                announce(round);
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

    private static void Call(Assembler a)
    {
        a.mov(edx, (uint)Function);
        a.call(rdx);
    }

    public sealed class ByInterpreter() : DeviceWriteTests(SoftwareEngine.Interpreter);

    public sealed class ByTranslator() : DeviceWriteTests(SoftwareEngine.Translator);
}
