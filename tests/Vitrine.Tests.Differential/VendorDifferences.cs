using System.Buffers;
using Iced.Intel;
using Vitrine.X86.Exceptions;

namespace Vitrine.Tests.Differential;

/// <summary>
/// Where processors of Intel and AMD are documented to differ, or hosts are known to be wrong. The software CPU follows Intel
/// (SDM); the oracle may be either.
/// </summary>
internal static class VendorDifferences
{
    private static readonly SearchValues<byte> _prefixes = SearchValues.Create(
        [0x66, 0x67, 0xF0, 0xF2, 0xF3, 0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65, .. Enumerable.Range(0x40, 16).Select(i => (byte)i)]);

    // Three bytes of opcode, ModRM, SIB, and displacement and immediate of four bytes each.
    private const int LongestBehindPrefixes = 13;

    /// <summary>Instructions that are not compared.</summary>
    public static bool Applies(in Instruction instruction, ReadOnlySpan<byte> bytes, bool is64)
    {
        // In 64-bit mode Intel ignores an operand-size prefix at near branches; AMD truncates RIP to 16 bits
        // (SDM vol. 2, Jcc and JMP; APM vol. 3, "near branches in 64-bit mode").
        bool branches = instruction.FlowControl is FlowControl.ConditionalBranch or FlowControl.UnconditionalBranch or FlowControl.Call
            or FlowControl.Return or FlowControl.IndirectBranch or FlowControl.IndirectCall;
        if (is64 && HasOperandSizePrefix(bytes) && (branches || (instruction.Code == Code.INVALID && IsNearBranch(bytes)))) return true;

        // AMD has SYSRET outside 64-bit mode: #GP and not #UD.
        if (!is64 && instruction.Mnemonic == Mnemonic.Sysret) return true;

        // 0F 0D with a register is a no-operation for Intel, an invalid form of PREFETCH for AMD.
        if (instruction.Code is Code.Reservednop_rm16_r16_0F0D or Code.Reservednop_rm32_r32_0F0D or Code.Reservednop_rm64_r64_0F0D
            && instruction.Op0Kind == OpKind.Register)
        {
            return true;
        }

        // "Repeat prefixes with other instructions are reserved" (SDM vol. 2, 2.1.1): AMD swaps LOOPE and LOOPNE by them.
        if (instruction.Mnemonic is Mnemonic.Loope or Mnemonic.Loopne && bytes.ContainsAny((byte)0xF2, (byte)0xF3)) return true;

        int opcode = OpcodeAt(bytes, is64);
        if (instruction.Code == Code.INVALID && (IsWidePermutation(bytes[opcode..]) || IsHypercall(bytes[opcode..]))) return true;

        // With F3 these are TZCNT and LZCNT where the host has them.
        if (instruction.Mnemonic is Mnemonic.Bsf or Mnemonic.Bsr && bytes.Contains((byte)0xF3)) return true;

        // REX.B makes XCHG with R8 of PAUSE for AMD; for Intel, as its decoder XED says, it counts for nothing there.
        if (instruction.Code == Code.Pause && is64 && (bytes[opcode - 1] & 0xF1) == 0x41) return true;

        // AMD has no far pointers with an offset of 64 bits: REX.W leaves it at 32 (APM vol. 3, LFS, "CALL (Far)").
        if (IsWideFarPointer(instruction)) return true;

        // A far call to 64-bit code pushes the return address on the old stack (SDM vol. 2, CALL); on AMD on that of 64-bit code, for CS is loaded
        // first (APM vol. 3, "CALL (Far)").
        if (!is64 && instruction.Code.IsCallFar() && (instruction.FarBranchSelector | 3) == OracleLayout.Code64) return true;

        // Undocumented, and not the same everywhere: FSTP without a look at the tag.
        if (instruction.Mnemonic == Mnemonic.Fstpnce) return true;

        // Outside 64-bit mode Intel ignores VEX.W of these (SDM vol. 2, MOVD, PEXTRD, PINSRD); AMD raises #UD.
        if (!is64 && instruction.Mnemonic is Mnemonic.Vmovd or Mnemonic.Vpextrd or Mnemonic.Vpinsrd && HasVexW(bytes[opcode..])) return true;

        // INT1 is intercepted by KVM on AMD, which reports it at its own address and not behind it.
        return instruction.Code == Code.Int1;
    }

    /// <summary>VMCALL or VMMCALL, with whatever prefix: where the host is itself a guest, its KVM intercepts the #UD and tries to replace one by the other.</summary>
    private static bool IsHypercall(ReadOnlySpan<byte> bytes) => bytes.Length > 2 && bytes[0] == 0x0F && bytes[1] == 0x01 && (bytes[2] is 0xC1 or 0xD9);

    /// <summary>VPERMQ and VPERMPD have VEX.W1 (SDM vol. 2); AMD executes them with W0 as well.</summary>
    private static bool IsWidePermutation(ReadOnlySpan<byte> bytes) =>
        bytes.Length > 3 && bytes[0] == 0xC4 && (bytes[1] & 0x1F) == 3 && (bytes[2] & 0x80) == 0 && (bytes[3] is 0 or 1);

    /// <summary>Outcomes of a comparable instruction that may differ altogether.</summary>
    public static bool AppliesTo(in Instruction instruction, ReadOnlySpan<byte> bytes, ref MachineImage host, ref MachineImage software)
    {
        bool undefined = instruction.Code == Code.INVALID || instruction.Mnemonic is Mnemonic.Ud0 or Mnemonic.Ud1;
        if (undefined && IsFreeAtUndefined(bytes, ref host, ref software)) return true;
        return AppliesTo(instruction, ref host, ref software);
    }

    private static bool AppliesTo(in Instruction instruction, ref MachineImage host, ref MachineImage software)
    {
        if (IsFarCallToWideCode(instruction, ref host, ref software)) return true;

        // AMD wants the offset in FS and GS to be canonical as well as the sum with the base.
        if (instruction.MemorySegment is Register.FS or Register.GS && host.Vector == ExceptionVector.GP && software.Vector != ExceptionVector.GP) return true;

        if (WrapsAtFourGigabytes(ref host, ref software)) return true;

        // Of several faults that an instruction has at once, which comes first is left to the implementation (SDM vol. 3, table 6-2).
        if (CompetesForFaults(instruction) && IsOperandFault(ref host) && IsOperandFault(ref software)) return true;

        // At the end of 64 KiB the parts of an x87 environment wrap one by one on AMD. "#GP(0) if a memory operand effective address is outside the
        // segment limit" (SDM vol. 2, FLDENV) says nothing of parts.
        if (IsX87Environment(instruction) && HasAddressOf16Bits(instruction) && IsOperandFault(ref software) && host.Rip != software.Rip) return true;

        // What AMD pushes of a selector's upper half may lie in a page that may not be written.
        if (FreeStackBytes(instruction) > 0 && IsOperandFault(ref host)) return true;

        // An x87 store with an unmasked exception writes nothing: AMD looks at its operand all the same.
        bool unmasked = (software.StatusWord & 0x80) != 0;
        bool completed = !IsOperandFault(ref software) || software.Rip != host.Rip;
        if (unmasked && IsOperandFault(ref host) && completed && IsX87Store(instruction)) return true;

        // "TOP and source operands remain unchanged" by an unmasked denormal (SDM vol. 1, 8.5.2); FLD on AMD has loaded it.
        const int Denormal = 2;
        if (instruction.Mnemonic == Mnemonic.Fld && unmasked && (software.StatusWord & ~software.ControlWord & Denormal) != 0) return true;

        // AMD has a bit for misaligned SSE operands in MXCSR.
        const uint MisalignedMode = 0x2_0000;
        if (software.Vector == ExceptionVector.GP && (host.Mxcsr & MisalignedMode) != 0) return true;

        // Instructions for SHA want their operand aligned (SDM vol. 2, exception class 4); AMD doesn't.
        if (software.Vector == ExceptionVector.GP && IsSha(instruction)) return true;

        // "This instruction can be suspended by an exception - even if it is already partially executed" (SDM vol. 2, VGATHERDPS): AMD
        // stops for the trap flag, at the instruction itself.
        if (instruction.IsVsib && host.Vector == ExceptionVector.DB && host.Rip != software.Rip - (ulong)instruction.Length) return true;

        // The operand of MOVSXD without REX.W is 16 bits for Intel, 32 for AMD; they agree on the result.
        if (instruction.Code == Code.Movsxd_r16_rm16 && host.Vector != software.Vector) return true;

        // ARPL to a segment that may not be written is refused by Intel even where nothing changes.
        if (instruction.Mnemonic == Mnemonic.Arpl && software.Vector == ExceptionVector.GP) return true;

        // Where Linux has put the native program's own stack and vDSO.
        const ulong FirstOwn = 0x7F00_0000_0000;
        const ulong LastOwn = 0x7FFF_FFFF_FFFF;
        if (software.Vector == ExceptionVector.PF && software.Cr2 is >= FirstOwn and <= LastOwn && host.Vector != software.Vector) return true;

        // BOUND may look at its lower limit before it reads the upper one.
        if (instruction.Mnemonic == Mnemonic.Bound && host.Vector == ExceptionVector.BR && IsOperandFault(ref software)) return true;

        // Conversions of half precision check no alignment (SDM vol. 2, exception class 11); AMD's do. A selector may be popped as 16 bits, which is aligned
        // where the whole slot is not.
        bool checksNone = instruction.Mnemonic is Mnemonic.Vcvtph2ps or Mnemonic.Vcvtps2ph
            || (instruction.Mnemonic == Mnemonic.Pop && instruction.Op0Register.IsSegmentRegister());
        if (checksNone && software.Vector == ExceptionVector.AC && host.Vector != ExceptionVector.AC) return true;

        // Which of a misaligned and a non-canonical address is told is open, as of all faults that an instruction has at once (SDM vol. 3, table 6-2).
        if (host.Vector == ExceptionVector.AC && (software.Vector is ExceptionVector.GP or ExceptionVector.SS) && software.Is64) return true;

        // Whether 16 bytes and more are checked for alignment is left to the implementation (SDM vol. 3, table 6-7; vol. 2, FXSAVE).
        bool alignment = host.Vector == ExceptionVector.AC || software.Vector == ExceptionVector.AC;
        return alignment && host.Vector != software.Vector && (instruction.MemorySize.GetSize() >= 16 || FreeStackBytes(instruction) > 0);
    }

    /// <summary>The same for a sequence: at the instruction where either has stopped.</summary>
    public static bool AppliesTo(List<Instruction> instructions, ref MachineImage host, ref MachineImage software)
    {
        int atHost = FlagFlow.IndexOf(instructions, host.Rip);
        int atSoftware = FlagFlow.IndexOf(instructions, software.Rip);
        if (atHost < instructions.Count && AppliesTo(instructions[atHost], ref host, ref software)) return true;
        if (atSoftware < instructions.Count && AppliesTo(instructions[atSoftware], ref host, ref software)) return true;

        // An x87 exception is reported by an instruction behind the one that has it: see FLD and stores above.
        bool unmasked = (software.StatusWord & ~software.ControlWord & 0x3F) != 0;
        return unmasked && instructions.Exists(instruction => instruction.Mnemonic == Mnemonic.Fld || IsX87Store(instruction));
    }

    /// <summary>
    /// CALL through a far pointer to 64-bit code, from other code: see <see cref="Applies"/>. What AMD pushes on the other stack, and where, decides how the
    /// native program goes on, if it ever ends.
    /// </summary>
    public static bool IsFarCallToWideCode(in Instruction instruction, ref MachineImage host, ref MachineImage software) =>
        instruction.CodeSize != CodeSize.Code64 && instruction.Code.IsCallFarIndirect() && (host.Is64 || software.Is64);

    /// <summary>POPA on AMD has already loaded the registers before the one that faults.</summary>
    public static bool HasFreeRegistersAtFault(in Instruction instruction) => instruction.Mnemonic is Mnemonic.Popa or Mnemonic.Popad;

    /// <summary>What pushes several words has already pushed those before the one that faults on AMD; where the stack pointer then is, nobody looks.</summary>
    public static bool HasFreeMemoryAtFault(in Instruction instruction) => instruction.Mnemonic is Mnemonic.Pusha or Mnemonic.Pushad or Mnemonic.Enter
        || instruction.Code.IsCallFar() || instruction.Code.IsCallFarIndirect();

    /// <summary>
    /// A gather that faults has loaded the elements before the one that faults; "individual elements closer to the MSB may or may not be
    /// completed" (SDM vol. 2, VGATHERDPS).
    /// </summary>
    /// <param name="instruction">The instruction.</param>
    /// <param name="number">Number of a vector register.</param>
    public static bool IsFreeAtFault(in Instruction instruction, int number) => instruction.IsVsib
        && (instruction.Op0Register.GetNumber() == number || instruction.Op2Register.GetNumber() == number);

    /// <summary>Flags that may differ where an instruction faults.</summary>
    public static ulong FlagsAtFault(in Instruction instruction) =>
        // "If a fault occurs during REPE CMPS or SCAS, the EFLAGS value is restored" (SDM vol. 2, REP); AMD keeps those of the last iteration.
        IsStringCompare(instruction) && (instruction.HasRepPrefix || instruction.HasRepnePrefix) ? 0x8D5UL : 0;

    /// <summary>
    /// Flags that may differ where an instruction has been stepped. Between the rounds of REPE CMPS or SCAS Intel's processors still show those of before; the last
    /// round sets them.
    /// </summary>
    /// <param name="instruction">The instruction.</param>
    /// <param name="rip">Where the trap is.</param>
    public static ulong FlagsBetweenRounds(in Instruction instruction, ulong rip) => instruction.IP == rip ? FlagsAtFault(instruction) : 0;

    /// <summary>
    /// True when the upper halves of RCX, RSI and RDI are free in 64-bit mode: a repeated string instruction with 32-bit addresses has cleared them on Intel before its
    /// first round, also where there is none or where that faults; AMD's leave them until a round has been.
    /// </summary>
    public static bool HasFreeUpperHalves(in Instruction instruction) =>
        instruction.IsStringInstruction && (instruction.HasRepPrefix || instruction.HasRepnePrefix) && UsesAddressOf32Bits(instruction);

    /// <summary>True of a dot product, whose NaN depends on the order of its additions: Intel's processors give different ones in different lanes.</summary>
    public static bool HasFreeNaN(in Instruction instruction) =>
        instruction.Mnemonic is Mnemonic.Dpps or Mnemonic.Dppd or Mnemonic.Vdpps or Mnemonic.Vdppd;

    /// <summary>VCVTPS2PH to memory has raised its flags on Intel when the store faults; AMD has not.</summary>
    public static bool HasFreeMxcsrAtFault(in Instruction instruction) =>
        instruction.Mnemonic == Mnemonic.Vcvtps2ph && instruction.Op0Kind == OpKind.Memory;

    /// <summary>Which of two operands faults first isn't said.</summary>
    public static bool HasFreeFaultAddress(in Instruction instruction) => IsStringCompare(instruction) || IsState(instruction) || IsFar(instruction);

    /// <summary>ARPL writes only what it changes; whether the operand must be writable otherwise isn't said.</summary>
    public static ulong FreeErrorBits(in Instruction instruction) => instruction.Mnemonic == Mnemonic.Arpl ? 2u : 0u;

    /// <summary>A store of an MMX register, which has gone from x87 to MMX state on Intel when it faults, and has not on AMD; the manual doesn't say.</summary>
    public static bool IsMmxStore(in Instruction instruction) =>
        instruction.Op0Kind == OpKind.Memory && instruction.Op1Kind == OpKind.Register && instruction.Op1Register.IsMM();

    /// <summary>What writes an MMX register and faults has already gone from x87 to MMX state on AMD. See <see cref="IsMmxStore"/> for Intel.</summary>
    public static bool HasFreeX87AtFault(in Instruction instruction) => IsMmxStore(instruction) || instruction.Mnemonic is Mnemonic.Maskmovq
        or Mnemonic.Cvtpd2pi or Mnemonic.Cvttpd2pi or Mnemonic.Cvtps2pi or Mnemonic.Cvttps2pi or Mnemonic.Cvtpi2ps or Mnemonic.Cvtpi2pd;

    /// <summary>
    /// Bytes of a saved x87 state, from its start, that are not compared: pointers to the last instruction, which AMD saves only
    /// with an exception pending, and the mask of MXCSR, which says what the host has.
    /// </summary>
    public static (int Start, int Length)[] FreeStateBytes(in Instruction instruction) => instruction.Mnemonic switch
    {
        Mnemonic.Fxsave or Mnemonic.Fxsave64 => [(5, 19), (28, 4)],
        Mnemonic.Fnsave or Mnemonic.Fnstenv => instruction.MemorySize is MemorySize.FpuEnv14 or MemorySize.FpuState94 ? [(6, 8)] : [(2, 2), (6, 2), (10, 18)],
        _ => [],
    };

    /// <summary>Bytes at the stack's new top that need not agree.</summary>
    public static int FreeStackBytes(in Instruction instruction) => instruction.Code switch
    {
        // "Either a zero-extended value is pushed or the selector is written using a 16-bit move" (SDM vol. 2, PUSH).
        Code.Pushd_CS or Code.Pushd_DS or Code.Pushd_ES or Code.Pushd_SS or Code.Pushd_FS or Code.Pushd_GS => 2,
        _ => 0,
    };

    /// <summary>
    /// An undefined opcode has no defined length either: with its operands it may be too long, or lie in a page that is not there. And AMD looks at
    /// the operand before it refuses LOCK, and some values of VEX.W and VEX.L.
    /// </summary>
    public static bool IsFreeAtUndefined(ReadOnlySpan<byte> bytes, ref MachineImage host, ref MachineImage software)
    {
        const uint Longest = 15;
        const ulong Fetch = 0x10;
        int opcode = OpcodeAt(bytes, software.Is64);
        bool late = bytes[..opcode].Contains((byte)0xF0) || bytes[opcode] is 0xC4 or 0xC5 or 0x8F or 0x62;
        if (late && IsOperandFault(ref host) && software.Vector == ExceptionVector.UD) return true;
        if (!IsUndefinedOr(ref host, ref software) || host.Rip != software.Rip) return false;
        if (host.Vector == ExceptionVector.PF || software.Vector == ExceptionVector.PF) return ((host.ErrorCode | software.ErrorCode) & Fetch) != 0;
        const ulong EndOfSmallCode = 0x1_0000;
        bool atLimit = software.Bitness == 16 && software.Rip + Longest > EndOfSmallCode;
        return atLimit || opcode + LongestBehindPrefixes > Longest;
    }

    /// <summary>
    /// An operand that runs over the end of a segment of 4 GiB: "these accesses may or may not cause the indicated exceptions" (SDM vol. 3, "Limit Checking").
    /// Intel's processors go on at address 0, and find no page at either end.
    /// </summary>
    private static bool WrapsAtFourGigabytes(ref MachineImage host, ref MachineImage software)
    {
        const ulong LongestOperand = 512;
        if (software.Is64 || host.Rip != software.Rip || software.Vector is not (ExceptionVector.GP or ExceptionVector.SS)) return false;
        bool atEnd = host.Cr2 is < LongestOperand or (> uint.MaxValue - LongestOperand and <= uint.MaxValue);
        return host.Vector == ExceptionVector.AC || (host.Vector == ExceptionVector.PF && atEnd);
    }

    private static bool HasAddressOf16Bits(in Instruction instruction) =>
        Math.Max(instruction.MemoryBase.GetSize(), Math.Max(instruction.MemoryIndex.GetSize(), instruction.MemoryDisplSize)) == sizeof(ushort);

    private static bool UsesAddressOf32Bits(in Instruction instruction)
    {
        for (int i = 0; i < instruction.OpCount; i++)
        {
            if (instruction.GetOpKind(i) is OpKind.MemorySegESI or OpKind.MemoryESEDI) return true;
        }

        return false;
    }

    private static bool IsUndefinedOr(ref MachineImage host, ref MachineImage software) =>
        (host.Vector == ExceptionVector.UD && software.Vector is ExceptionVector.GP or ExceptionVector.PF)
            || (software.Vector == ExceptionVector.UD && host.Vector is ExceptionVector.GP or ExceptionVector.PF);

    /// <summary>Two operands, an operand and a target, or an operand whose size the processor may see differently.</summary>
    private static bool CompetesForFaults(in Instruction instruction) =>
        IsStringCompare(instruction) || IsState(instruction) || instruction.MemorySize is MemorySize.Float80 or MemorySize.Bcd
            || instruction.MemorySize.GetSize() >= 16 || FreeStackBytes(instruction) > 0
            || instruction.FlowControl is FlowControl.IndirectCall or FlowControl.Call || IsFarReturn(instruction)
            || instruction.Mnemonic is Mnemonic.Arpl or Mnemonic.Bound or Mnemonic.Maskmovq or Mnemonic.Maskmovdqu;

    /// <summary>A selector and an offset, in memory or on the stack.</summary>
    private static bool IsFar(in Instruction instruction) =>
        IsFarReturn(instruction) || IsWideFarPointer(instruction) || instruction.MemorySize is MemorySize.SegPtr16 or MemorySize.SegPtr32;

    /// <summary>AMD looks at the outer level's stack pointer before it looks at the selector.</summary>
    private static bool IsFarReturn(in Instruction instruction) =>
        instruction.Mnemonic is Mnemonic.Retf or Mnemonic.Iret or Mnemonic.Iretd or Mnemonic.Iretq;

    /// <summary>A far pointer with an offset of 64 bits.</summary>
    private static bool IsWideFarPointer(in Instruction instruction) => instruction.MemorySize == MemorySize.SegPtr64;

    private static bool IsOperandFault(ref MachineImage image) =>
        image.Vector is ExceptionVector.PF or ExceptionVector.SS or ExceptionVector.GP or ExceptionVector.AC;

    private static bool IsX87Store(in Instruction instruction) => instruction.Op0Kind == OpKind.Memory
        && instruction.Mnemonic is Mnemonic.Fst or Mnemonic.Fstp or Mnemonic.Fist or Mnemonic.Fistp or Mnemonic.Fisttp or Mnemonic.Fbstp;

    private static bool HasVexW(ReadOnlySpan<byte> bytes) => bytes.Length > 2 && bytes[0] == 0xC4 && (bytes[2] & 0x80) != 0;

    private static bool IsSha(in Instruction instruction) => instruction.Mnemonic is Mnemonic.Sha1msg1 or Mnemonic.Sha1msg2
        or Mnemonic.Sha1nexte or Mnemonic.Sha1rnds4 or Mnemonic.Sha256msg1 or Mnemonic.Sha256msg2 or Mnemonic.Sha256rnds2;

    private static bool IsState(in Instruction instruction) =>
        instruction.MemorySize is MemorySize.Fxsave_512Byte or MemorySize.Fxsave64_512Byte || IsX87Environment(instruction);

    private static bool IsX87Environment(in Instruction instruction) =>
        instruction.MemorySize is MemorySize.FpuEnv14 or MemorySize.FpuEnv28 or MemorySize.FpuState94 or MemorySize.FpuState108;

    private static bool IsStringCompare(in Instruction instruction) =>
        instruction.Code is Code.Cmpsb_m8_m8 or Code.Cmpsw_m16_m16 or Code.Cmpsd_m32_m32 or Code.Cmpsq_m64_m64
            or Code.Scasb_AL_m8 or Code.Scasw_AX_m16 or Code.Scasd_EAX_m32 or Code.Scasq_RAX_m64;

    /// <summary>Jcc, LOOP, JRCXZ, CALL, JMP or RET, whether or not it fits into fifteen bytes.</summary>
    private static bool IsNearBranch(ReadOnlySpan<byte> bytes)
    {
        ReadOnlySpan<byte> rest = bytes[OpcodeAt(bytes, is64: true)..];
        return rest[0] is (>= 0x70 and <= 0x7F) or (>= 0xE0 and <= 0xE3) or 0xE8 or 0xE9 or 0xEB or 0xC2 or 0xC3 or 0xFF
            || (rest.Length > 1 && rest[0] == 0x0F && rest[1] is >= 0x80 and <= 0x8F);
    }

    /// <summary>Where the prefixes end.</summary>
    private static int OpcodeAt(ReadOnlySpan<byte> bytes, bool is64)
    {
        int at = 0;
        while (at < bytes.Length - 1 && _prefixes.Contains(bytes[at]) && (is64 || (bytes[at] & 0xF0) != 0x40)) at++;
        return at;
    }

    private static bool HasOperandSizePrefix(ReadOnlySpan<byte> bytes) => bytes[..OpcodeAt(bytes, is64: true)].Contains((byte)0x66);
}
