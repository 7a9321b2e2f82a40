using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Vitrine.Accelerators.Software.Cpu;

/// <summary>
/// What one software vCPU runs on: one blittable struct in native memory. Operations address registers by their byte
/// offset in it (<see cref="Op.Dst"/>, ...), so its layout is part of the decoded code.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct CpuState
{
    // --- what translated code addresses most: within the 127 bytes that a short displacement reaches ------------------

    /// <summary>The TLB of the present access mode (user, supervisor, supervisor with SMAP open).</summary>
    public TlbEntry* Tlb;

    /// <summary>Low 12 bits of every valid TLB tag: the generation of the present address space. The rest is zero.</summary>
    public ulong TlbTag;

    /// <summary>What <see cref="PollAt"/> is in a trial of a block, where nobody looks for events.</summary>
    public const ulong Never = ulong.MaxValue;

    /// <summary>
    /// A block is left for the dispatcher when <see cref="Instructions"/> reaches this. Zero asks for attention at once;
    /// other threads write only zero.
    /// </summary>
    public ulong PollAt;

    /// <summary>RIP of the first byte of the page that translated code runs in.</summary>
    public ulong PageRip;

    /// <summary>The arithmetic flags at every boundary of translated code: OF in bit 0, LAHF's byte in bits 15:8.</summary>
    public ulong PackedFlags;

    /// <summary>Sixteen bits at 63:48 that stand for <see cref="CodeTag"/> in the keys of translated blocks.</summary>
    public ulong CodeKey;

    /// <summary>Which bits of a target's RIP number its entry of the branch table, see <see cref="Translator.BranchTable"/>.</summary>
    public ulong BranchMask;

    /// <summary>Guest R15 while translated code runs.</summary>
    public ulong HeldR15;

    /// <summary>The pages that translated code accessed last, see <see cref="PageSlots"/>.</summary>
    public PageSlots Slots;

    /// <summary>
    /// As <see cref="CodeKey"/>, for code in global pages: the same in all address spaces, because a load of CR3 doesn't end such translations.
    /// </summary>
    public ulong GlobalKey;

    /// <summary>Guest R10 while translated code runs.</summary>
    public ulong HeldR10;

    /// <summary>Guest R11 while translated code runs.</summary>
    public ulong HeldR11;

    /// <summary>A value that an emitted sequence keeps for a moment.</summary>
    public ulong Scratch;

    /// <summary>Another one.</summary>
    public ulong Scratch2;

    /// <summary>Where translated code was left.</summary>
    public byte* ExitSite;

    /// <summary>The last indirect branch of 64-bit code: its offset in the page, and in bits 63:12 what it added to RSP.</summary>
    public ulong BranchSite;

    // --- touched by nearly every operation -------------------------------------------------------------------------

    /// <summary>RAX to R15 in encoding order. AH, CH, DH, BH are byte 1 of the first four.</summary>
    public fixed ulong Gpr[16];

    /// <summary>Always zero: stands for an absent base, index or segment base.</summary>
    public ulong Zero;

    /// <summary>RIP of the first instruction of the running block; an operation's own RIP is this plus its offset.</summary>
    public ulong BlockRip;

    /// <summary>The result that ZF, SF and PF are computed from, sign-extended. See <see cref="Flags"/>.</summary>
    public ulong FlagResult;

    /// <summary>Carry, overflow and adjust, and corrections of SF and PF. See <see cref="Flags"/>.</summary>
    public uint FlagAux;

    /// <summary>Instructions executed; brought up to date where a block is left. Translated ones are not counted.</summary>
    public ulong Instructions;

    /// <summary>Direct-mapped cache from linear address to block, <see cref="JumpCache"/>.</summary>
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

    /// <summary>Causes of a debug trap that is due behind the present instruction, as bits of DR6; see <see cref="DebugEvents"/>.</summary>
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

    /// <summary>The offset of the guest's TSC from the machine's clock in ticks.</summary>
    public long TscOffset;

    /// <summary>IA32_TSC_ADJUST: by how much the guest itself has moved its TSC since reset, in ticks.</summary>
    public ulong TscAdjust;

    // --- the way into translated code and out of it -----------------------------------------------------------------

    /// <summary>The host's stack pointer while translated code runs, whose own stack pointer is the address of this state.</summary>
    public ulong HostStack;

    /// <summary>Host address that translated code is entered at.</summary>
    public ulong EntryPoint;

    /// <summary>Linear address of an access that missed the TLB.</summary>
    public ulong MissAddress;

    /// <summary>How many accesses may still go from their slots to the TLB before one is looked at.</summary>
    public uint MissBudget;

    /// <summary>RAX, while the code behind a miss needs its register.</summary>
    public ulong SavedRax;

    /// <summary>A <see cref="Translator.ExitReason"/>.</summary>
    public uint ExitReason;

    /// <summary>The host's MXCSR.</summary>
    public uint HostMxcsr;

    /// <summary>Nonzero while the guest's x87 registers are in the host's.</summary>
    public uint X87Loaded;

    /// <summary>Nonzero while translated code has the guest's vector registers and MXCSR in the host's.</summary>
    public uint VectorsLoaded;

    /// <summary>Nonzero when an interrupt waits for IF.</summary>
    public uint InterruptWaits;

    /// <summary>The last x87 instruction of translated code: its offset in the page, and its opcode in bits 22:12.</summary>
    public uint X87Place;

    /// <summary>RIP of the page of <see cref="X87Place"/>.</summary>
    public ulong X87Page;

    /// <summary>The segment of the last x87 operand of translated code in memory, by its number plus 1; 0 when there was none since the registers were loaded.</summary>
    public uint X87Segment;

    /// <summary>What translated code counts when statistics are wanted, see <see cref="Translator.Counting.TranslationCounter"/>.</summary>
    public fixed ulong Counters[7];

    // --- x87, MMX, SSE ---------------------------------------------------------------------------------------------

    /// <summary>YMM0 to YMM15, of which XMM0 to XMM15 are the lower halves. Use <see cref="XmmOffset"/>.</summary>
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

    /// <summary>PKRU. Written by <see cref="Mmu.SoftMmu.LoadKeys"/>, for the TLB depends on it.</summary>
    public uint Pkru;

    /// <summary>IA32_PKRS. See <see cref="Pkru"/>.</summary>
    public uint Pkrs;

    /// <summary>Accesses of the present instruction that user space has finished; replayed when it runs again.</summary>
    public ReplayLog Replay;

    /// <summary>The signal that translated code has raised, until it is reported.</summary>
    public SignalRecord Signal;

    // --- the way to objects, for slow paths: each room knows how to use its own --------------------------------------

    /// <summary>GCHandle of the <see cref="Mmu.SoftMmu"/>.</summary>
    public nint MmuHandle;

    /// <summary>GCHandle of the <see cref="System.Processor"/>.</summary>
    public nint ProcessorHandle;

    /// <summary>GCHandle of the <see cref="Interpreter.Decode.CodeFinder"/>.</summary>
    public nint CodeFinderHandle;

    /// <summary>GCHandle of the <see cref="HostExecution.HostExecutor"/>; zero where there is none.</summary>
    public nint HostExecutorHandle;

    /// <summary>How often translated code has come to CPL 3 from below.</summary>
    public ulong UserEntries;

    /// <summary>Nonzero when user code of the present address space is to be left for the engine that runs it natively.</summary>
    public uint NativeWanted;

    /// <summary>The thread of the host in which the guest's user code runs as it is; 0 while it does not. Who sets <see cref="PollAt"/> to zero makes it stop.</summary>
    public uint NativeThread;

    /// <summary>Linear address of the instruction before which the vCPU stops, see <see cref="HasStop"/>.</summary>
    public ulong StopAddress;

    /// <summary>There is a <see cref="StopPoint"/>.</summary>
    public bool HasStop;

    /// <summary>An engine translates what it can: the mode says more than the interpreter has to know.</summary>
    public bool Translates;

    /// <summary>Memory is written by others, who don't tell.</summary>
    public bool ForeignWrites;

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

    /// <summary>Byte offset of general register <paramref name="number"/>.</summary>
    public static ushort GprOffset(int number) => (ushort)(CpuOffsets.Gpr + (number * 8));

    /// <summary>Byte offset of XMM register <paramref name="number"/>.</summary>
    public static ushort XmmOffset(int number) => (ushort)(CpuOffsets.Xmm + (number * 32));

    /// <summary>Byte offset of MMX register <paramref name="number"/>.</summary>
    public static ushort MmxOffset(int number) => (ushort)(CpuOffsets.X87 + (number * 16));

    /// <summary>Byte offset of <see cref="Zero"/>.</summary>
    public static ushort ZeroOffset => (ushort)CpuOffsets.Zero;

    /// <summary>Byte offset of <see cref="BlockRip"/>.</summary>
    public static ushort BlockRipOffset => (ushort)CpuOffsets.BlockRip;

    /// <summary>Byte offset of the base of segment <paramref name="number"/>.</summary>
    public static ushort SegmentBaseOffset(int number) => (ushort)(CpuOffsets.Segments + (number * sizeof(SegmentCache)));
}
