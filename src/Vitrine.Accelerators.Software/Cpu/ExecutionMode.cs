namespace Vitrine.Accelerators.Software.Cpu;

/// <summary>
/// What decoded code depends on besides its bytes: part of a block's key. Recomputed by
/// <see cref="CpuModes.Derive"/> whenever something it is made of changes.
/// </summary>
[Flags]
internal enum ExecutionMode : uint
{
    /// <summary>16-bit code.</summary>
    None = 0,

    /// <summary>32-bit code (CS.D).</summary>
    Code32 = 1,

    /// <summary>64-bit code (CS.L with EFER.LMA).</summary>
    Code64 = 2,

    /// <summary>SS.B: the stack pointer is ESP (not meaningful in 64-bit mode).</summary>
    Stack32 = 4,

    /// <summary>CR0.PE.</summary>
    Protected = 8,

    /// <summary>RFLAGS.VM.</summary>
    Virtual8086 = 16,

    /// <summary>EFER.LMA.</summary>
    LongMode = 32,

    /// <summary>CR0.TS or CR0.EM: x87 and MMX are not available as they stand (#NM, #UD).</summary>
    FpuTrap = 64,

    /// <summary>SSE raises #UD (CR0.EM or no CR4.OSFXSR) or #NM (CR0.TS).</summary>
    SseTrap = 128,

    /// <summary>CPL 3: user-mode fetch rights.</summary>
    User = 256,

    /// <summary>The user of the vCPU steps it: blocks hold one instruction. No part of the guest's state.</summary>
    SingleStep = 512,

    /// <summary>An SSE exception is unmasked in MXCSR: translated code leaves vector instructions to the interpreter.</summary>
    FloatTraps = 1024,

    /// <summary>Protected mode with CS, DS, ES and SS from 0 to 4 GiB and usable: 32-bit code can be translated.</summary>
    Flat = 2048,

    /// <summary>An x87 exception is unmasked, or one is pending: translated code leaves x87 instructions to the interpreter.</summary>
    X87Traps = 4096,

    /// <summary>VEX-encoded SIMD raises #UD (no CR4.OSXSAVE, no AVX in XCR0, real or virtual-8086 mode) or #NM (CR0.TS).</summary>
    AvxTrap = 8192,

    /// <summary>Translated code whose accesses are each checked alone. No part of the guest's state: never a vCPU's mode.</summary>
    Unshared = 16384,

    /// <summary>
    /// Memory is written by others and there is no paging, so nothing tells of new code but memory itself, as where firmware polls a controller's queue and then
    /// jumps to the sector that was read: each block compares its bytes with memory at its start.
    /// </summary>
    SelfChecking = 32768,
}
