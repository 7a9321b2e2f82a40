using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Mmu;

namespace Vitrine.Accelerators.Software.Translator;

/// <summary>The parts of the state that are elsewhere while translated code runs: flags in another form, x87 and vector registers in the host's.</summary>
/// <param name="cpu">The state.</param>
/// <param name="mmu">Follows changes of the mode.</param>
/// <param name="stubs">Saves the x87 registers.</param>
internal sealed unsafe class LoadedState(CpuState* cpu, SoftMmu mmu, EntryStubs stubs)
{
    // SAFETY: cpu is the state of the vCPU that owns this object; only its thread comes here.

    /// <summary>An unmasked floating-point exception is part of the mode.</summary>
    public void FollowFloatTraps()
    {
        const ExecutionMode Traps = ExecutionMode.FloatTraps | ExecutionMode.X87Traps;
        ExecutionMode traps = CpuModes.FloatTraps(cpu);
        if ((cpu->Mode & Traps) == traps) return;
        cpu->Mode = (cpu->Mode & ~Traps) | traps;
        mmu.RefreshMode();
    }

    /// <summary>Puts the flags where translated code wants them.</summary>
    public void PackFlags()
    {
        ulong flags = Flags.GetArithmetic(cpu);
        cpu->PackedFlags = ((flags & 0xFF) << 8) | (flags >> 11);
    }

    /// <summary>Makes the state what the interpreter and everybody else expects.</summary>
    public void Unload()
    {
        UnpackFlags();
        SaveX87();

        // The way out has stored them; the interpreter may change them.
        cpu->VectorsLoaded = 0;
    }

    /// <summary>Puts the x87 registers where translated code wants them.</summary>
    /// <returns>Where to go on.</returns>
    public byte* LoadX87(byte* site)
    {
        X87Transfer.Fill(cpu);
        cpu->X87Place = uint.MaxValue;
        cpu->X87Segment = 0;
        return site + sizeof(ushort);
    }

    /// <summary>Takes the x87 registers out of the host's, where they stay until something other than translated code wants them.</summary>
    private void SaveX87()
    {
        if (cpu->X87Loaded == 0) return;
        cpu->X87Loaded = 0;
        stubs.SaveX87(cpu);
        X87Transfer.Take(cpu);
    }

    private void UnpackFlags() =>
        Flags.SetArithmetic(cpu, ((cpu->PackedFlags >> 8) & 0xFF) | ((cpu->PackedFlags & 1) << 11));
}
