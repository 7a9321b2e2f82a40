namespace Vitrine.Accelerators.Software.Translator;

/// <summary>Why translated code went back to the dispatcher. Each is a stub that stores its number.</summary>
internal enum ExitReason
{
    /// <summary>No code is known for <see cref="Cpu.CpuState.Rip"/>.</summary>
    Lookup,

    /// <summary>
    /// A branch within the page that leads nowhere yet. At the exit site: the target's offset in the page (16 bits), the branch's distance
    /// field relative to the site (32 bits), <see cref="LinkTraits"/> (8 bits).
    /// </summary>
    Link,

    /// <summary>The instruction at an offset in the page (16 bits) is for the interpreter.</summary>
    Interpret,

    /// <summary>Somebody asks for attention; go on at an offset in the page (16 bits).</summary>
    Poll,

    /// <summary>
    /// A read missed the TLB. At the exit site: <see cref="MissSite"/>. The call before it expects the address and can be made again.
    /// </summary>
    Read,

    /// <summary>As <see cref="Read"/>, for a write.</summary>
    Write,

    /// <summary>An access wasn't in the page of its slot, and is the one that is looked at for that. As <see cref="Read"/>.</summary>
    Sample,

    /// <summary>x87 registers are wanted by the instruction at an offset in the page (16 bits); then the code that loads them.</summary>
    X87,

    /// <summary>The instruction at an offset in the page (16 bits) reaches into the next page, which may be mapped elsewhere now.</summary>
    SecondPage,

    /// <summary>Memory does not hold what the block at an offset in the page (16 bits) was made of.</summary>
    Changed,

    /// <summary>An instruction of emitted code raised a signal, which is in <see cref="Cpu.CpuState.Signal"/>.</summary>
    HostFault,
}
