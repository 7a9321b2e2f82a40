using Iced.Intel;
using Vitrine.Accelerators;
using Vitrine.Accelerators.Software;
using Vitrine.Memory;
using Vitrine.X86;
using Vitrine.X86.State;

namespace Vitrine.Tests.Software;

/// <summary>
/// A few instructions on the software CPU in real mode, over a data page at 0x3000; they end in UD2, which without an interrupt
/// table shuts the processor down.
/// </summary>
internal sealed class GuestRoutine : IDisposable
{
    public const ushort Data = 0x3000;
    private const ushort Code = 0x1000;

    private readonly GuestMemory memory = new();
    private readonly SoftwareAccelerator accelerator = SoftwareAccelerator.Create();
    private readonly IVirtualCpu vcpu;
    private readonly ProcessorState start = new();

    public GuestRoutine(Assembler assembler, ulong cr4 = 0)
    {
        MemorySlot ram = memory.Add("ram", new Gpa(0), 1 << 20);
        MemoryStream code = new();
        assembler.ud2();
        assembler.Assemble(new StreamCodeWriter(code), Code);
        if (!memory.TryWrite(new Gpa(Code), code.ToArray())) throw new InvalidOperationException("no memory");
        accelerator.SetMemorySlot(ram);
        vcpu = accelerator.CreateVcpu(0);
        vcpu.GetState(start);
        start.Segments[Seg.Cs].Base = 0;
        start.Segments[Seg.Cs].Selector = 0;
        start.Idtr = default;
        start.Cr4 = cr4;
        start.Rip = Code;
    }

    /// <summary>Runs on a copy of <paramref name="data"/> and copies what is left back.</summary>
    public void Run(Span<byte> data)
    {
        if (!memory.TryWrite(new Gpa(Data), data)) throw new InvalidOperationException("no memory");
        vcpu.PutState(start, PutLevel.Full);
        VmExitReason reason = vcpu.Run().Reason;
        if (reason != VmExitReason.Shutdown) throw new InvalidOperationException($"the guest ended with {reason}");
        if (!memory.TryRead(new Gpa(Data), data)) throw new InvalidOperationException("no memory");
    }

    /// <summary>The processor's state as the last run left it.</summary>
    public ProcessorState GetState()
    {
        ProcessorState state = new();
        vcpu.GetState(state);
        return state;
    }

    public void Dispose()
    {
        vcpu.Dispose();
        accelerator.Dispose();
        memory.Dispose();
    }
}
