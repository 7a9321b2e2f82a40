using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.Accelerators.Software.System;
using Vitrine.X86.Exceptions;
using Vitrine.X86.Paging;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Software.NativeUser;

/// <summary>The guest's user registers on their way from the state to a stub, and back from where its signal frame has them.</summary>
/// <param name="cpu">The state.</param>
/// <param name="mmu">Shows the instruction that has trapped.</param>
internal sealed unsafe class GuestRegisters(CpuState* cpu, SoftMmu mmu)
{
    // SAFETY: the state is that of the vCPU that owns this object; frames are checked by StubProcess, and their registers may have any values.

    /// <summary>Selectors of CS and SS in 64-bit user code, in a stub as in a guest that can run in one: Linux's.</summary>
    public const uint CodeSelector = 0x33;

    /// <inheritdoc cref="CodeSelector"/>
    public const uint StackSelector = 0x2B;

    /// <summary>TF, IOPL, NT, VM, AC and ID: with any of them user code is the other engine's.</summary>
    public const ulong UnusualFlags = 0x26_7100;

    private ulong _selectors;

    private bool HasAvx => (cpu->Mode & ExecutionMode.AvxTrap) == 0;

    /// <summary>Puts the state's registers into a stub.</summary>
    public void Load(StubProcess stub, byte* context)
    {
        stub.Mend(context);
        SignalFrame.Load(context, cpu);
        FloatFrame.Load(stub.FloatArea, cpu, HasAvx);
        stub.FsBase = cpu->Segments[Seg.Fs].Base;
        stub.GsBase = cpu->Segments[Seg.Gs].Base;
    }

    /// <summary>Takes the registers into the state, all but what segment registers mean; see <see cref="TryFollowSegments"/>.</summary>
    public void Save(StubProcess stub, byte* context)
    {
        ulong fs = stub.FsBase;
        ulong gs = stub.GsBase;
        SignalFrame.Save(context, cpu);
        FloatFrame.Save(stub.FloatArea, cpu, HasAvx);
        if (Canonical.Is(fs)) cpu->Segments[Seg.Fs].Base = fs;
        if (Canonical.Is(gs)) cpu->Segments[Seg.Gs].Base = gs;
        _selectors = stub.Selectors;

        if ((cpu->SystemFlags & UnusualFlags) != 0) ModeChange.Apply(cpu);
    }

    /// <summary>User code may have loaded segment registers; what that means the guest's own descriptors say.</summary>
    /// <returns>False when they refuse it; the fault is recorded.</returns>
    public bool TryFollowSegments(byte* context)
    {
        if (_selectors != 0 && !TryLoadData()) return false;
        ushort code = SignalFrame.Cs(context);
        ushort stack = SignalFrame.Ss(context);
        return (stack == StackSelector || SegmentLoad.TryLoad(cpu, Seg.Ss, stack)) &&
            (code == CodeSelector || FarTransfer.Run(cpu, null, code, cpu->Rip, sizeof(ulong), isCall: false) == TransferOutcome.Done);
    }

    /// <summary>DS, ES, FS and GS; the bases of the last two are known, and may be others by now than those that came with the selectors.</summary>
    private bool TryLoadData()
    {
        ReadOnlySpan<int> numbers = [Seg.Ds, Seg.Es, Seg.Fs, Seg.Gs];
        ulong fs = cpu->Segments[Seg.Fs].Base;
        ulong gs = cpu->Segments[Seg.Gs].Base;
        bool loaded = true;
        for (int i = 0; i < numbers.Length && loaded; i++)
        {
            ushort selector = (ushort)(_selectors >> (16 * i));
            if (selector != 0) loaded = SegmentLoad.TryLoad(cpu, numbers[i], selector);
        }

        cpu->Segments[Seg.Fs].Base = fs;
        cpu->Segments[Seg.Gs].Base = gs;
        return loaded;
    }

    /// <summary>Makes RIP, which is behind the system call that was refused, point at it.</summary>
    public void StepBackToCall(byte* context)
    {
        const ulong CallBytes = 2; // SYSCALL and INT 80h
        ulong address = SignalFrame.CallAddress(context);
        if (address == cpu->Rip)
        {
            cpu->Rip -= CallBytes;
            return;
        }

        // In the page of old system calls, where the kernel has returned to the caller already.
        cpu->Rip = address;
        cpu->Gpr[Gpr.Rsp] -= sizeof(ulong);
    }

    /// <summary>The same for a call that the host's kernel keeps for its probes. Which of the two it was isn't known any more.</summary>
    public void StepBackToProbeCall()
    {
        const ulong CallBytes = 2;
        const ulong Uretprobe = 335;
        cpu->Rip -= CallBytes;
        cpu->Gpr[Gpr.Rax] = Uretprobe;
    }

    /// <summary>Makes RIP, which is behind INT3, INT 3, INT 4 or INT1, point at it.</summary>
    public void StepBackToTrap(byte* context)
    {
        const byte Int3 = 0xCC;
        bool two = SignalFrame.Vector(context) switch
        {
            ExceptionVector.BP => !IsBehind(Int3),
            ExceptionVector.OF => true,
            _ => false,
        };
        cpu->Rip -= two ? 2UL : 1;
    }

    /// <summary>The byte before RIP is INT1; one that was stepped over may be meant, or have it as its last.</summary>
    public bool IsBehindInt1()
    {
        const byte Int1 = 0xF1;
        return IsBehind(Int1);
    }

    private bool IsBehind(byte opcode)
    {
        // The page was just executed, so this sets no bit of the guest's tables, and faults only where they have changed meanwhile.
        ulong linear = cpu->Rip - 1;
        bool known = mmu.TryPeekForUser(linear, out UserMapping mapping) || mmu.TryMapForUser(linear, PageAccess.Fetch, out mapping) == MapOutcome.Mapped;
        return known && mapping.Host[linear & 0xFFF] == opcode;
    }
}
