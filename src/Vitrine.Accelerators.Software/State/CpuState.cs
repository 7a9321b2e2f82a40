using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Vitrine.Accelerators.Software.Decode;
using Vitrine.Accelerators.Software.Mmu;

namespace Vitrine.Accelerators.Software.State;

/// <summary>
/// What one software vCPU runs on: one blittable struct in native memory. Operations address registers by their byte
/// offset in it (<see cref="Decode.Op.Dst"/>, ...), so its layout is part of the decoded code.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct CpuState
{
    // --- touched by nearly every operation -------------------------------------------------------------------------

    /// <summary>RAX to R15 in encoding order. AH, CH, DH, BH are byte 1 of the first four.</summary>
    public fixed ulong Gpr[16];

    /// <summary>Always zero: stands for an absent base, index or segment base.</summary>
    public ulong Zero;

    /// <summary>RIP of the first instruction of the running block; an operation's own RIP is this plus its offset.</summary>
    public ulong BlockRip;

    /// <summary>The result that ZF, SF and PF are computed from, sign-extended. See <see cref="State.Flags"/>.</summary>
    public ulong FlagResult;

    /// <summary>Carry, overflow and adjust, and corrections of SF and PF. See <see cref="State.Flags"/>.</summary>
    public uint FlagAux;

    /// <summary>Low 12 bits of every valid TLB tag: the generation of the present address space.</summary>
    public uint TlbTag;

    /// <summary>The TLB of the present access mode (user, supervisor, supervisor with SMAP open).</summary>
    public TlbEntry* Tlb;

    /// <summary>Instructions executed; brought up to date where a block is left.</summary>
    public ulong Instructions;

    /// <summary>
    /// A block is left for the dispatcher when <see cref="Instructions"/> reaches this. Zero asks for attention at once;
    /// other threads write only zero.
    /// </summary>
    public ulong PollAt;

    /// <summary>Direct-mapped cache from linear address to block, <see cref="Decode.JumpCache"/>.</summary>
    public JumpCacheEntry* JumpCache;

    /// <summary>What an entry of <see cref="JumpCache"/> must carry to be valid: address space, mode and privilege.</summary>
    public ulong CodeTag;

    // --- the instruction pointer and flags between blocks -----------------------------------------------------------

    /// <summary>RIP where no block runs.</summary>
    public ulong Rip;

    /// <summary>RFLAGS without the six arithmetic flags, bit 1 set.</summary>
    public ulong SystemFlags;

    /// <summary>What a block depends on besides its bytes. See <see cref="ExecutionMode"/>.</summary>
    public ExecutionMode Mode;

    /// <summary>Current privilege level.</summary>
    public uint Cpl;

    /// <summary>Why the last operation ended the run of operations.</summary>
    public LeaveReason Leave;

    /// <summary>Vector of the fault that an operation has recorded.</summary>
    public byte FaultVector;

    /// <summary>True when the fault pushes <see cref="FaultErrorCode"/>.</summary>
    public bool FaultHasErrorCode;

    /// <summary>Error code of the recorded fault.</summary>
    public uint FaultErrorCode;

    /// <summary>Interrupt shadow after STI (bit 1) or a load of SS (bit 0), for one instruction.</summary>
    public uint InterruptShadow;

    /// <summary>NMIs are blocked until IRET.</summary>
    public bool NmiMasked;

    /// <summary>Causes of a debug trap that is due behind the present instruction, as bits of DR6; see <see cref="Helpers.DebugEvents"/>.</summary>
    public ulong PendingDebug;

    // --- segmentation ----------------------------------------------------------------------------------------------

    /// <summary>ES CS SS DS FS GS TR LDTR.</summary>
    public SegmentFile Segments;

    /// <summary>GDTR base.</summary>
    public ulong GdtBase;

    /// <summary>IDTR base.</summary>
    public ulong IdtBase;

    /// <summary>GDTR limit.</summary>
    public uint GdtLimit;

    /// <summary>IDTR limit.</summary>
    public uint IdtLimit;

    // --- control, debug, model-specific ----------------------------------------------------------------------------

    /// <summary>CR0.</summary>
    public ulong Cr0;

    /// <summary>CR2.</summary>
    public ulong Cr2;

    /// <summary>CR3.</summary>
    public ulong Cr3;

    /// <summary>CR4.</summary>
    public ulong Cr4;

    /// <summary>IA32_EFER.</summary>
    public ulong Efer;

    /// <summary>XCR0.</summary>
    public ulong Xcr0;

    /// <summary>DR0 to DR3.</summary>
    public fixed ulong DebugAddress[4];

    /// <summary>DR6.</summary>
    public ulong Dr6;

    /// <summary>DR7.</summary>
    public ulong Dr7;

    /// <summary>PDPTEs held since the last CR3 load under PAE paging.</summary>
    public fixed ulong Pdpte[4];

    /// <summary>IA32_STAR.</summary>
    public ulong Star;

    /// <summary>IA32_LSTAR.</summary>
    public ulong Lstar;

    /// <summary>IA32_CSTAR.</summary>
    public ulong Cstar;

    /// <summary>IA32_FMASK.</summary>
    public ulong Fmask;

    /// <summary>IA32_KERNEL_GS_BASE.</summary>
    public ulong KernelGsBase;

    /// <summary>IA32_SYSENTER_CS.</summary>
    public ulong SysenterCs;

    /// <summary>IA32_SYSENTER_ESP.</summary>
    public ulong SysenterEsp;

    /// <summary>IA32_SYSENTER_EIP.</summary>
    public ulong SysenterEip;

    /// <summary>IA32_TSC_AUX.</summary>
    public ulong TscAux;

    /// <summary>IA32_TSC_ADJUST, and the offset of the guest's TSC from the accelerator's clock in ticks.</summary>
    public long TscOffset;

    // --- x87, MMX, SSE ---------------------------------------------------------------------------------------------

    /// <summary>XMM0 to XMM15, 32 bytes apart (room for YMM). Use <see cref="XmmOffset"/>.</summary>
    public fixed ulong Xmm[16 * 4];

    /// <summary>The eight physical x87 registers, 16 bytes apart: 64-bit significand, then sign and exponent.
    /// MMi is the significand of physical register i.</summary>
    public fixed ulong X87[8 * 2];

    /// <summary>SSE control and status.</summary>
    public uint Mxcsr;

    /// <summary>x87 control word.</summary>
    public ushort Fcw;

    /// <summary>x87 status word without TOP (bits 13:11 zero here).</summary>
    public ushort Fsw;

    /// <summary>TOP of the x87 stack, 0 to 7.</summary>
    public byte FpuTop;

    /// <summary>Bit i set: physical x87 register i is in use (FXSAVE's abridged tag).</summary>
    public byte FpuTag;

    /// <summary>Last x87 opcode, 11 bits.</summary>
    public ushort Fop;

    /// <summary>Selector of the last x87 instruction.</summary>
    public ushort FpuCs;

    /// <summary>Selector of the last x87 operand.</summary>
    public ushort FpuDs;

    /// <summary>Last x87 instruction pointer.</summary>
    public ulong Fip;

    /// <summary>Last x87 data pointer.</summary>
    public ulong Fdp;

    // --- the rest of the machine -----------------------------------------------------------------------------------

    /// <summary>Accesses of the present instruction that user space has finished; replayed when it runs again.</summary>
    public ReplayLog Replay;

    /// <summary>GCHandle of the <see cref="SoftwareVcpu"/>; slow paths only.</summary>
    public nint Owner;

    /// <summary>Sets the vector of a fault to raise; the operation then returns <c>Faults.Raise</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void SetFault(byte vector, uint errorCode)
    {
        FaultVector = vector;
        FaultErrorCode = errorCode;
        FaultHasErrorCode = true;
        Leave = LeaveReason.Fault;
    }

    /// <summary>As <see cref="SetFault(byte, uint)"/>, for a fault without error code.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void SetFault(byte vector)
    {
        FaultVector = vector;
        FaultErrorCode = 0;
        FaultHasErrorCode = false;
        Leave = LeaveReason.Fault;
    }

    /// <summary>The vCPU that owns the state. For slow paths.</summary>
    public readonly SoftwareVcpu Vcpu => (SoftwareVcpu)GCHandle.FromIntPtr(Owner).Target!;

    /// <summary>Byte offset of general register <paramref name="number"/>.</summary>
    public static ushort GprOffset(int number) => (ushort)(number * 8);

    /// <summary>Byte offset of XMM register <paramref name="number"/>.</summary>
    public static ushort XmmOffset(int number) => (ushort)(CpuOffsets.Xmm + (number * 32));

    /// <summary>Byte offset of MMX register <paramref name="number"/>.</summary>
    public static ushort MmxOffset(int number) => (ushort)(CpuOffsets.X87 + (number * 16));

    /// <summary>Byte offset of <see cref="Zero"/>.</summary>
    public static ushort ZeroOffset => CpuOffsets.Zero;

    /// <summary>Byte offset of <see cref="BlockRip"/>.</summary>
    public static ushort BlockRipOffset => CpuOffsets.BlockRip;

    /// <summary>Byte offset of the base of segment <paramref name="number"/>.</summary>
    public static ushort SegmentBaseOffset(int number) => (ushort)(CpuOffsets.Segments + (number * sizeof(SegmentCache)));
}
