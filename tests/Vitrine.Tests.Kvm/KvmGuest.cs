using Iced.Intel;
using Vitrine.Accelerators;
using Vitrine.Accelerators.Kvm;
using Vitrine.Accelerators.Kvm.Native;
using Vitrine.Errors;
using Vitrine.Memory;
using Vitrine.X86;
using Vitrine.X86.State;
using Xunit;

namespace Vitrine.Tests.Kvm;

/// <summary>
/// A machine with 1 MiB of RAM at 0, one vCPU and a few instructions at 0x1000, in real mode or in 32-bit protected mode with flat segments.
/// Skips the test where /dev/kvm can't be used.
/// </summary>
internal sealed class KvmGuest : IDisposable
{
    public const ulong CodeAddress = 0x1000;

    public const uint FlatCode32 = 0xC09B;
    public const uint FlatData32 = 0xC093;

    public KvmGuest(KvmOptions? options = null, IKvmSystem? calls = null)
    {
        try
        {
            Accelerator = KvmAccelerator.Create(options ?? new KvmOptions(), calls ?? LinuxKvmSystem.Instance);
        }
        catch (VitrineException e) when (e.Kind == ErrorKind.Host)
        {
            Assert.Skip("KVM is not usable here: " + e.Message);
            throw;
        }

        Ram = Memory.Add("ram", new Gpa(0), 1 << 20);
        Accelerator.SetMemorySlot(Ram);
        Vcpu = (KvmVcpu)Accelerator.CreateVcpu(0);
        Vcpu.SetCpuid([.. Accelerator.SupportedCpuid]);
    }

    public KvmAccelerator Accelerator { get; }

    public GuestMemory Memory { get; } = new();

    public MemorySlot Ram { get; }

    public KvmVcpu Vcpu { get; }

    /// <summary>The state as KVM has it.</summary>
    public ProcessorState State()
    {
        var state = new ProcessorState();
        Vcpu.GetState(state);
        return state;
    }

    /// <summary>Places code and points the vCPU at it, in real mode with all segments at 0 and the stack below the code.</summary>
    public void LoadReal(Action<Assembler> code, Action<ProcessorState>? adjust = null)
    {
        Place(16, code);
        ProcessorState state = State();
        for (int i = Seg.Es; i <= Seg.Gs; i++) state.Segments[i] = new SegmentRegister(0, 0, 0xFFFF, i == Seg.Cs ? 0x9Bu : 0x93u);
        Start(state, adjust);
    }

    /// <summary>Places code and points the vCPU at it, in 32-bit protected mode without paging, flat segments.</summary>
    public void LoadProtected(Action<Assembler> code, Action<ProcessorState>? adjust = null)
    {
        Place(32, code);
        ProcessorState state = State();
        state.Cr0 = 0x11;
        for (int i = Seg.Es; i <= Seg.Gs; i++)
        {
            state.Segments[i] = new SegmentRegister((ushort)(i == Seg.Cs ? 8 : 16), 0, 0xFFFFFFFF, i == Seg.Cs ? FlatCode32 : FlatData32);
        }

        Start(state, adjust);
    }

    public void Place(int bits, Action<Assembler> code, ulong address = CodeAddress)
    {
        var assembler = new Assembler(bits);
        code(assembler);
        using var stream = new MemoryStream();
        assembler.Assemble(new StreamCodeWriter(stream), address);
        Assert.True(Memory.TryWrite(new Gpa(address), stream.ToArray()));
    }

    public void Dispose()
    {
        Vcpu.Dispose();
        Accelerator.Dispose();
        Memory.Dispose();
    }

    private void Start(ProcessorState state, Action<ProcessorState>? adjust)
    {
        state.Rip = CodeAddress;
        state.Rflags = 2;
        state.Gpr[Gpr.Rsp] = CodeAddress;
        adjust?.Invoke(state);
        Vcpu.PutState(state, PutLevel.Reset);
    }
}
