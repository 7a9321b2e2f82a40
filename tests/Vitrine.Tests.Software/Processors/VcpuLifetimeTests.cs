using Vitrine.Accelerators;
using Vitrine.Accelerators.Parts;
using Vitrine.Accelerators.Software;
using Vitrine.Memory;
using Vitrine.X86;
using Vitrine.X86.State;
using Xunit;

namespace Vitrine.Tests.Software.Processors;

/// <summary>vCPUs that come one by one, in any order and from any thread, and go while others run, as with KVM.</summary>
public abstract class VcpuLifetimeTests(SoftwareEngine engine)
{
    public sealed class Interpreted() : VcpuLifetimeTests(SoftwareEngine.Interpreter);

    public sealed class Translated() : VcpuLifetimeTests(SoftwareEngine.Translator);

    private const ulong Start = 0x1000;
    private const ulong Counter = 0x2000;

    [Fact]
    public void ManyRunAtOnce()
    {
        using Machine m = new(engine);
        int[] ids = [63, 0, 17, 5, 40, 9, 62, 8, 33, 1];
        Thread[] threads = [.. ids.Select(id => new Thread(() => m.Count(id)))];
        foreach (Thread thread in threads) thread.Start();
        foreach (Thread thread in threads) thread.Join();
        Assert.Null(m.Failure);
        Assert.Equal((uint)ids.Length * 1000, m.Counted);
    }

    [Fact]
    public void OneGoesWhileOthersRunAndWriteItsCode()
    {
        using Machine m = new(engine);
        Thread[] threads = [.. new[] { 0, 50 }.Select(id => new Thread(() =>
        {
            for (int i = 0; i < 20; i++) m.Count(id);
        }))];
        foreach (Thread thread in threads) thread.Start();
        for (int i = 0; i < 30; i++)
        {
            m.Count(7 + (i % 3));

            // What is written to is code of those that have gone, too; and interrupts are sent to whoever is there.
            m.WriteCode();
            m.Accelerator.SendInterruptMessage(0xFEEF_F000, 0x30);
            m.Accelerator.GetDirtyLog(m.Ram, new ulong[1]);
        }

        foreach (Thread thread in threads) thread.Join();
        Assert.Null(m.Failure);
        Assert.Equal(70_000U, m.Counted);
    }

    [Fact]
    public void ANumberIsTakenOnce()
    {
        using Machine m = new(engine);
        IVirtualCpu first = m.Accelerator.CreateVcpu(3);
        Assert.Throws<InvalidOperationException>(() => m.Accelerator.CreateVcpu(3));
        first.Dispose();
        using IVirtualCpu second = m.Accelerator.CreateVcpu(3);
        Assert.Equal(3, second.Id);
        Assert.Throws<ArgumentOutOfRangeException>(() => m.Accelerator.CreateVcpu(64));
    }

    private sealed class Machine : IDisposable
    {
        // MOV CX, 1000; LOCK INC DWORD [2000h]; DEC CX; JNZ; HLT
        private static readonly byte[] s_code = [0xB9, 0xE8, 0x03, 0xF0, 0x66, 0xFF, 0x06, 0x00, 0x20, 0x49, 0x75, 0xF7, 0xF4];

        private readonly GuestMemory _memory = new();

        public Machine(SoftwareEngine engine)
        {
            Engines.SkipUnlessPresent(engine);
            Accelerator = SoftwareAccelerator.Create(new SoftwareOptions { Engine = engine }, SoftwareAccelerator.VcpuLimit);
            Accelerator.Behavior.LocalApicAtClient = true;
            Ram = _memory.Add("ram", new Gpa(0), 0x10_0000);
            _memory.Observe(Accelerator);
            Accelerator.SetMemorySlot(Ram);
            WriteCode();
        }

        public SoftwareAccelerator Accelerator { get; }

        public MemorySlot Ram { get; }

        public string? Failure { get; private set; }

        public uint Counted
        {
            get
            {
                byte[] value = new byte[4];
                Assert.True(_memory.TryRead(new Gpa(Counter), value));
                return BitConverter.ToUInt32(value);
            }
        }

        public void WriteCode() => Assert.True(_memory.TryWrite(new Gpa(Start), s_code));

        // In real mode: the routine from its start to its HLT, on a vCPU that is there for it alone.
        public void Count(int id)
        {
            using IVirtualCpu vcpu = Accelerator.CreateVcpu(id);
            ProcessorState state = ResetState.Create(0, 0);
            state.Segments[Seg.Cs] = new SegmentRegister(0, 0, 0xFFFF, 0x9B);
            state.Rip = Start;
            vcpu.Parts!.Put(state, StateParts.General | StateParts.Special | StateParts.Activity);
            VmExitReason reason = vcpu.Run().Reason;
            if (reason != VmExitReason.Halt) Failure = $"vCPU {id} left with {reason}";
        }

        public void Dispose()
        {
            Accelerator.Dispose();
            _memory.Dispose();
        }
    }
}
