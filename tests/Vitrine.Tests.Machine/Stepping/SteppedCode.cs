using System.Text;
using Iced.Intel;
using Vitrine.Accelerators.Observation;
using Vitrine.Boot;
using Vitrine.Tests.Guests;
using Vitrine.X86;
using Vitrine.X86.State;

namespace Vitrine.Tests.Stepping;

/// <summary>A machine with a few instructions at 0x8000, not started; all segment bases are 0 and the stack is below the code.</summary>
internal sealed class SteppedCode : IDisposable
{
    public const ulong Entry = 0x8000;
    public const ulong Handler = 0x9000;
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    private const ushort Stack = 0x7000;

    private readonly StringBuilder _serial = new();

    public SteppedCode(AcceleratorChoice accelerator, FlatMode mode, Action<Assembler> code, Action<Assembler>? handler = null, CallLog? calls = null, bool stack = true)
    {
        PresentAccelerators.SkipUnlessPresent(accelerator);
        Machine = VirtualMachine.Create(new MachineConfig
        {
            Boot = new BootSource.FlatBytes(Assemble(mode, code, Entry), new Gpa(Entry), Entry, mode),
            MemoryBytes = 2 << 20,
            CpuModel = "x86-64-v1",
            Accelerator = accelerator,
            Calls = calls,
            SerialOutput = bytes => _serial.Append(Encoding.Latin1.GetString(bytes)),
        });
        if (stack) Machine.GetState(0).Gpr[Gpr.Rsp] = Stack;
        if (handler is not null) Machine.Memory.TryWrite(new Gpa(Handler), Assemble(mode, handler, Handler));
    }

    public VirtualMachine Machine { get; }

    public string Serial => _serial.ToString();

    /// <summary>Steps once; that has to succeed.</summary>
    /// <returns>The registers behind it.</returns>
    public ProcessorState Step()
    {
        StepReport report = Machine.Step(timeout: Patience);
        Xunit.Assert.True(report is { Outcome: StepOutcome.Stepped, Steps: 1 }, $"{report}");
        return Machine.ReadState(0);
    }

    /// <summary>Points a vector of the real-mode table at <see cref="Handler"/>.</summary>
    public SteppedCode WithRealVector(byte vector)
    {
        Xunit.Assert.True(Machine.Memory.TryWrite(new Gpa(vector * 4u), [(byte)(Handler & 0xFF), (byte)(Handler >> 8), 0, 0]));
        return this;
    }

    public void Dispose() => Machine.Dispose();

    private static byte[] Assemble(FlatMode mode, Action<Assembler> code, ulong address)
    {
        Assembler assembler = new(mode switch { FlatMode.Real => 16, FlatMode.Protected => 32, _ => 64 });
        code(assembler);
        using MemoryStream stream = new();
        assembler.Assemble(new StreamCodeWriter(stream), address);
        return stream.ToArray();
    }
}
