using System.Numerics;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.FloatingPoint;
using Vitrine.Accelerators.Software.Interpreter.SseFloat;
using Vitrine.Errors;

namespace Vitrine.Accelerators.Software.HostExecution;

/// <summary>
/// Executes single instructions of one vCPU natively, on copies of its registers and of the operand in memory: for instructions
/// that the interpreter has no handler for. Nothing that they do should end in a signal: memory is a buffer, and exceptions are masked.
/// Where one does, the vCPU stops with what is known of it.
/// </summary>
internal sealed unsafe class HostExecutor : IDisposable
{
    // SAFETY: the frame is a native allocation owned by this object; stubs read the state and write to the frame only; only the
    // vCPU's thread comes here.
    private const uint MxcsrControl = 0xFFC0;
    private const uint MxcsrMasks = FpFlags.All << 7;
    private const uint UnderflowMask = FpFlags.Underflow << 7;
    private const uint FlushToZero = 1u << 15;

    // As after a reset (SDM vol. 1, 10.2.3); .NET never changes it. Stubs that change it note what it was.
    private const uint MxcsrOfManagedCode = 0x1F80;

    private readonly HostFrame* _frame;
    private readonly StubTable _stubs;
    private readonly IStubFaults _faults;
    private GCHandle<HostExecutor> _handle;
    private HostStub* _run;

    /// <summary>The executor of a state, which leads to it from now on.</summary>
    /// <param name="cpu">The state.</param>
    /// <param name="faults">Hears of signals.</param>
    /// <exception cref="VitrineException">The host refuses memory for code.</exception>
    public HostExecutor(CpuState* cpu, IStubFaults faults)
    {
        _faults = faults;
        _frame = (HostFrame*)NativeMemory.AlignedAlloc((nuint)sizeof(HostFrame), 64);
        NativeMemory.Clear(_frame, (nuint)sizeof(HostFrame));
        _frame->MxcsrOfHost = MxcsrOfManagedCode;
        _stubs = new StubTable(_frame);
        _handle = new GCHandle<HostExecutor>(this);
        cpu->HostExecutorHandle = GCHandle<HostExecutor>.ToIntPtr(_handle);
    }

    /// <summary>The executor of a state that has one.</summary>
    public static HostExecutor Of(CpuState* cpu) => GCHandle<HostExecutor>.FromIntPtr(cpu->HostExecutorHandle).Target;

    /// <summary>The operand in memory: filled before <see cref="TryRun"/> where the instruction reads it, valid after it where it writes it.</summary>
    public byte* Operand => _frame->Operand;

    /// <summary>The stubs, for counters.</summary>
    public StubTable Stubs => _stubs;

    /// <summary>True when MXCSR lets a SIMD exception be raised.</summary>
    public static bool MayRaise(CpuState* cpu) => (cpu->Mxcsr & MxcsrMasks) != MxcsrMasks;

    /// <summary>True when the instruction can be executed.</summary>
    public bool CanRun(StubKey key) => _stubs.Get(key) != null;

    /// <summary>
    /// Executes an instruction. Its results are in the frame; <see cref="Commit"/> takes them over.
    /// </summary>
    /// <param name="cpu">The vCPU.</param>
    /// <param name="op">The instruction; <see cref="Op.Imm"/> is its key.</param>
    /// <param name="fault">What the handler returns when an unmasked SIMD exception was raised.</param>
    /// <returns>False when it was, or when the instruction raised a signal in the host.</returns>
    public bool TryRun(CpuState* cpu, Op* op, out Op* fault)
    {
        HostStub* stub = _run = _stubs.Get(new StubKey(op->Imm));
        HostFrame* frame = _frame;
        fault = null;
        if (stub->WritesFlags) frame->Flags = Flags.GetArithmetic(cpu) | X86.Registers.Rflags.Fixed;
        if (!stub->UsesMxcsr)
        {
            stub->Entry(frame, cpu);
            return frame->Signal.Number == HostSignal.None || Stop(cpu, op, out fault);
        }

        frame->MxcsrBefore = (cpu->Mxcsr & MxcsrControl) | MxcsrMasks;
        if (MayRaise(cpu))
        {
            // FTZ counts only while underflow is masked.
            if ((cpu->Mxcsr & UnderflowMask) == 0) frame->MxcsrBefore &= ~FlushToZero;
            stub->Entry(frame, cpu);
            if (frame->Signal.Number != HostSignal.None) return Stop(cpu, op, out fault);
            FpEnvironment environment = SimdFlags.Of(cpu, stub, frame);
            if (environment.Unmasked == 0) return true;
            fault = SimdException.Raise(cpu, op, in environment);
            return false;
        }

        stub->Entry(frame, cpu);
        return frame->Signal.Number == HostSignal.None || Stop(cpu, op, out fault);
    }

    /// <summary>Takes over the results of the instruction that <see cref="TryRun"/> executed last.</summary>
    public void Commit(CpuState* cpu)
    {
        HostStub* stub = _run;
        HostFrame* frame = _frame;
        for (int rest = stub->General; rest != 0; rest &= rest - 1)
        {
            int number = BitOperations.TrailingZeroCount(rest);
            cpu->Gpr[number] = frame->General[number];
        }

        for (int rest = stub->Vectors; rest != 0; rest &= rest - 1)
        {
            int number = BitOperations.TrailingZeroCount(rest);
            byte* from = frame->Vectors + (32 * number);
            byte* to = (byte*)cpu + CpuState.XmmOffset(number);
            if (stub->IsVex) *(Vector256<byte>*)to = *(Vector256<byte>*)from;
            else *(Vector128<byte>*)to = *(Vector128<byte>*)from;
        }

        if (stub->WritesFlags) Flags.SetArithmetic(cpu, frame->Flags);
        if (stub->UsesMxcsr) cpu->Mxcsr |= frame->MxcsrAfter & FpFlags.All;
    }

    /// <summary>The stub that ran last has raised a signal, and written nothing: the machine can't go on.</summary>
    /// <returns>False.</returns>
    private bool Stop(CpuState* cpu, Op* op, out Op* fault)
    {
        SignalRecord signal = _frame->Signal;
        _frame->Signal = default;
        fault = Faults.Raise(cpu, op);
        _faults.StopAtStub(in signal, op, _run);
        return false;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _handle.Dispose();
        _stubs.Dispose();
        NativeMemory.AlignedFree(_frame);
    }
}
