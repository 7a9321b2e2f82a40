using Iced.Intel;
using Vitrine.Accelerators.Software.Cpu;
using Vitrine.Accelerators.Software.Translator;

namespace Vitrine.Accelerators.Software.Lockstep;

/// <summary>Where the interpreter came through a block: the registers before it, and behind each instruction that it completed.</summary>
internal sealed unsafe class Trail
{
    // SAFETY: copies registers of the vCPU's state, on its thread.
    private readonly RegisterImage[] _images = new RegisterImage[BlockTranslator.MaxInstructions + 1];
    private readonly RflagsBits[] _undefined = new RflagsBits[BlockTranslator.MaxInstructions + 1];

    /// <summary>Instructions completed.</summary>
    public int Length { get; private set; }

    /// <summary>The registers before the block.</summary>
    public ref readonly RegisterImage Before => ref _images[0];

    /// <summary>The registers where the interpreter stopped.</summary>
    public ref readonly RegisterImage Last => ref _images[Length];

    /// <summary>The registers behind a number of instructions.</summary>
    public ref readonly RegisterImage After(int instructions) => ref _images[instructions];

    /// <summary>The flags that the manual leaves undefined behind a number of instructions.</summary>
    public RflagsBits Undefined(int instructions) => _undefined[instructions];

    /// <summary>Begins with the present registers.</summary>
    public void Begin(CpuState* cpu)
    {
        Length = 0;
        RegisterImage.Save(cpu, ref _images[0]);
    }

    /// <summary>An instruction is complete.</summary>
    /// <param name="cpu">The state, with RIP.</param>
    /// <param name="effect">What it does to the flags.</param>
    public void Add(CpuState* cpu, FlagEffect effect)
    {
        RflagsBits before = _undefined[Length];
        RegisterImage.Save(cpu, ref _images[++Length]);
        _undefined[Length] = (before & ~effect.Modified) | effect.Undefined;
    }

    /// <summary>Puts the registers back as they were before the block.</summary>
    public void Restore(CpuState* cpu) => RegisterImage.Restore(cpu, ref _images[0]);

    /// <summary>The RIPs of the trail.</summary>
    public ulong[] Path()
    {
        ulong[] path = new ulong[Length + 1];
        for (int i = 0; i <= Length; i++) path[i] = _images[i].Rip;
        return path;
    }
}
