using System.Runtime.InteropServices;
using Iced.Intel;
using Vitrine.Accelerators.Software;
using Vitrine.X86.Exceptions;
using Vitrine.X86.State;

namespace Vitrine.Tests.Differential;

/// <summary>Where the software CPU's outcome is not the host's.</summary>
// SAFETY: outcomes are the caller's and as long as OracleOutcome says.
internal static unsafe class OutcomeComparison
{
    private const ulong ResumeFlag = 0x1_0000;
    private const ulong EndOfUserAddresses = 0x7FFF_FFFF_F000;
    private const ulong IdentificationFlag = 0x20_0000;
    private static readonly string[] _names =
        ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"];

    private static readonly string[] _segments = ["es", "cs", "ss", "ds", "fs", "gs"];

    /// <summary>The differences, host first; empty when both agree.</summary>
    public static List<string> Differences(OracleCase* test, OracleOutcome* host, OracleOutcome* software, CodeSelection selection)
    {
        List<string> differences = [];
        ref MachineImage before = ref test->Image;
        ref MachineImage a = ref host->Image;
        ref MachineImage b = ref software->Image;
        if (AreSame(host, software)) return differences;
        bool is64 = before.Is64;
        List<Instruction> instructions = InstructionText.Decode(test->Instructions(), before.Bitness, before.Rip, selection.Options);
        bool alone = instructions.Count == 1;

        // A fault elsewhere is one of what comes behind.
        bool completed = IsCompleted(ref a) || (alone && a.Rip != before.Rip);
        Instruction first = alone ? instructions[0] : At(instructions, completed ? b.Rip : a.Rip);
        if (alone && !selection.IsKnown(first.Code))
        {
            bool refused = IsRefused(ref a, ref b) || VendorDifferences.IsFreeAtUndefined(test->Instructions(), ref a, ref b);
            return refused ? differences : [$"exception: not announced, but {Exception(ref b)}"];
        }

        if (alone ? VendorDifferences.AppliesTo(first, test->Instructions(), ref a, ref b) : VendorDifferences.AppliesTo(instructions, ref a, ref b)) return differences;
        if (a.Vector != b.Vector) differences.Add($"exception: {Exception(ref a)} and {Exception(ref b)}");
        else if (a.Vector == ExceptionVector.PF && a.Cr2 != b.Cr2 && VendorDifferences.HasFreeFaultAddress(first)) return differences;
        else if (((ErrorCode(ref a) ^ ErrorCode(ref b)) & ~VendorDifferences.FreeErrorBits(first)) != 0) differences.Add($"error code: {a.ErrorCode:x} and {b.ErrorCode:x}");
        else if (a.Vector == ExceptionVector.PF && a.Cr2 != b.Cr2) differences.Add($"cr2: {a.Cr2:x} and {b.Cr2:x}");
        if (a.Rip != b.Rip) differences.Add($"rip: {a.Rip:x} and {b.Rip:x}");
        if (alone && selection.HasFreeResult(first.Mnemonic)) return differences;
        for (int segment = Seg.Es; segment <= Seg.Gs; segment++)
        {
            if (Visible(a.Selector(segment)) != Visible(b.Selector(segment))) differences.Add($"{_segments[segment]}: {a.Selector(segment):x} and {b.Selector(segment):x}");
        }

        ulong ignored = ResumeFlag | IdentificationFlag;
        if (!alone) ignored |= FlagFlow.UndefinedBefore(instructions)[FlagFlow.IndexOf(instructions, a.Rip)];
        else if (completed) ignored |= Undefined.Flags(first, ref before);
        if (!completed) ignored |= VendorDifferences.FlagsAtFault(first);
        else if (a.Vector == ExceptionVector.DB && a.Rip == b.Rip) ignored |= VendorDifferences.FlagsBetweenRounds(first, a.Rip);
        bool halves = instructions.Exists(static instruction => VendorDifferences.HasFreeUpperHalves(instruction));
        if (!completed && selection.Engine == SoftwareEngine.Translator) ignored |= Tolerance.FreeFlagsAtFault(instructions, a.Rip);
        if (((a.Rflags ^ b.Rflags) & ~ignored) != 0) differences.Add($"rflags: {a.Rflags & ~ignored:x} and {b.Rflags & ~ignored:x}");
        int compared = !completed && VendorDifferences.HasFreeRegistersAtFault(first) ? 0 : is64 ? 16 : 8;
        for (int i = 0; i < compared; i++)
        {
            // Outside 64-bit mode the upper halves are undefined.
            ulong mask = is64 && !(halves && (i is Gpr.Rcx or Gpr.Rsi or Gpr.Rdi)) ? ulong.MaxValue : uint.MaxValue;
            if (((a.General(i) ^ b.General(i)) & mask) != 0) differences.Add($"{_names[i]}: {a.General(i) & mask:x} and {b.General(i) & mask:x}");
        }

        bool products = instructions.Exists(static instruction => VendorDifferences.HasFreeNaN(instruction));
        for (int i = 0; i < 16; i++)
        {
            if (a.Xmm(i) == b.Xmm(i) || (products && AreSameButNaN(a.Xmm(i), b.Xmm(i)))) continue;
            if (completed || !VendorDifferences.IsFreeAtFault(first, i)) differences.Add($"xmm{i}: {a.Xmm(i):x32} and {b.Xmm(i):x32}");
        }

        for (int i = 0; i < 16; i++)
        {
            if (a.YmmHigh(i) == b.YmmHigh(i) || (products && AreSameButNaN(a.YmmHigh(i), b.YmmHigh(i))) || (!completed && VendorDifferences.IsFreeAtFault(first, i))) continue;
            differences.Add($"ymm{i}[255:128]: {a.YmmHigh(i):x32} and {b.YmmHigh(i):x32}");
        }

        if (a.Mxcsr != b.Mxcsr && (completed || !VendorDifferences.HasFreeMxcsrAtFault(first))) differences.Add($"mxcsr: {a.Mxcsr:x} and {b.Mxcsr:x}");
        if (completed || !VendorDifferences.HasFreeX87AtFault(first)) X87(differences, ref a, ref b);
        if (completed && alone)
        {
            if (VendorDifferences.FreeStateBytes(first).Length > 0) FreeState(test, first, host, software);
            int free = VendorDifferences.FreeStackBytes(first);
            ulong top = is64 ? a.General(Gpr.Rsp) : (uint)a.General(Gpr.Rsp);
            ulong at = top + LocalSegments.BaseOf(a.StackSelector) + (ulong)free - OracleLayout.Data;
            if (at < OracleLayout.DataSize)
            {
                free = Math.Min(free, OracleLayout.DataSize - (int)at);
                new Span<byte>(host->Data + at, free).CopyTo(new Span<byte>(software->Data + at, free));
            }
        }

        if (completed || !VendorDifferences.HasFreeMemoryAtFault(first)) Memory(differences, host, software);
        return differences;
    }

    /// <summary>Each lane is the same, or in both a quiet NaN, as numbers of 32 bits or as numbers of 64.</summary>
    private static bool AreSameButNaN(UInt128 host, UInt128 software)
    {
        bool singles = true;
        bool doubles = true;
        for (int bit = 0; bit < 128; bit += 32)
        {
            (uint a, uint b) = ((uint)(host >> bit), (uint)(software >> bit));
            singles &= a == b || (float.IsNaN(BitConverter.UInt32BitsToSingle(a)) && float.IsNaN(BitConverter.UInt32BitsToSingle(b)));
        }

        for (int bit = 0; bit < 128; bit += 64)
        {
            (ulong a, ulong b) = ((ulong)(host >> bit), (ulong)(software >> bit));
            doubles &= a == b || (double.IsNaN(BitConverter.UInt64BitsToDouble(a)) && double.IsNaN(BitConverter.UInt64BitsToDouble(b)));
        }

        return singles || doubles;
    }

    /// <summary>An instruction that the processor must not have is #UD, unless not even its bytes can be had.</summary>
    private static bool IsRefused(ref MachineImage host, ref MachineImage software) => software.Vector == ExceptionVector.UD
        || (host.Vector == software.Vector && host.Rip == software.Rip && (IsFetchFault(ref software) || software.Vector == ExceptionVector.GP));

    private static bool IsFetchFault(ref MachineImage image)
    {
        const ulong Fetch = 0x10;
        return image.Vector == ExceptionVector.PF && (image.ErrorCode & Fetch) != 0;
    }

    /// <summary>Null selectors are one: IRET to user code clears their lowest bits, as Linux enters the native program's handler.</summary>
    private static int Visible(ushort selector) => selector <= 3 ? 0 : selector;

    private static bool IsCompleted(ref MachineImage image) => image.Vector is ExceptionVector.DB or ExceptionVector.BP || IsFetchFault(ref image);

    private static Instruction At(List<Instruction> instructions, ulong rip)
    {
        int index = FlagFlow.IndexOf(instructions, rip);
        return index < instructions.Count ? instructions[index] : default;
    }

    /// <summary>True when everything agrees as it is, which needs no look at the instruction.</summary>
    private static bool AreSame(OracleOutcome* host, OracleOutcome* software)
    {
        ref MachineImage a = ref host->Image;
        ref MachineImage b = ref software->Image;
        return Words(ref a, 0, MachineImage.FlagsWord).SequenceEqual(Words(ref b, 0, MachineImage.FlagsWord))
            && a.CodeSelector == b.CodeSelector && a.StackSelector == b.StackSelector
            && a.Words[MachineImage.DataSelectorsWord] == b.Words[MachineImage.DataSelectorsWord]
            && ((a.Rflags ^ b.Rflags) & ~(ResumeFlag | IdentificationFlag)) == 0
            && a.Vector == b.Vector && ErrorCode(ref a) == ErrorCode(ref b) && (a.Vector != ExceptionVector.PF || a.Cr2 == b.Cr2)
            && a.ControlWord == b.ControlWord && a.StatusWord == b.StatusWord && a.Tag == b.Tag && a.Mxcsr == b.Mxcsr
            && Vectors(ref a).SequenceEqual(Vectors(ref b)) && Halves(ref a).SequenceEqual(Halves(ref b))
            && new ReadOnlySpan<byte>(host->Data, OracleLayout.DataSize).SequenceEqual(new ReadOnlySpan<byte>(software->Data, OracleLayout.DataSize));
    }

    private static ReadOnlySpan<ulong> Words(ref MachineImage image, int first, int count) => MemoryMarshal.CreateReadOnlySpan(ref image.Words[first], count);

    private static ReadOnlySpan<byte> Vectors(ref MachineImage image) =>
        MemoryMarshal.CreateReadOnlySpan(ref image.Fx[MachineImage.StOffset], MachineImage.XmmOffset + (16 * 16) - MachineImage.StOffset);

    private static ReadOnlySpan<byte> Halves(ref MachineImage image) => MemoryMarshal.CreateReadOnlySpan(ref image.High[0], MachineImage.HighSize);

    /// <summary>How a case ended, for people.</summary>
    public static string Exception(ref MachineImage image) => image.Vector switch
    {
        ExceptionVector.DB => "single step",
        ExceptionVector.BP => "completed",
        ExceptionVector.PF => $"#PF({image.ErrorCode:x}) at {image.Cr2:x}",
        _ => $"#{image.Vector}({image.ErrorCode:x})",
    };

    private static ulong ErrorCode(ref MachineImage image)
    {
        // Linux hides from user code which pages of the upper half are there.
        bool hidden = image.Vector == ExceptionVector.PF && image.Cr2 >= EndOfUserAddresses;
        return hidden ? image.ErrorCode | 1 : image.ErrorCode;
    }

    private static void X87(List<string> differences, ref MachineImage a, ref MachineImage b)
    {
        if (a.ControlWord != b.ControlWord) differences.Add($"fcw: {a.ControlWord:x} and {b.ControlWord:x}");
        if (a.StatusWord != b.StatusWord) differences.Add($"fsw: {a.StatusWord:x} and {b.StatusWord:x}");
        if (a.Tag != b.Tag) differences.Add($"abridged ftw: {a.Tag:x2} and {b.Tag:x2}");
        for (int i = 0; i < 8; i++)
        {
            if (a.Significand(i) == b.Significand(i) && a.SignExponent(i) == b.SignExponent(i)) continue;
            differences.Add($"st{i}: {a.SignExponent(i):x4}:{a.Significand(i):x16} and {b.SignExponent(i):x4}:{b.Significand(i):x16}");
        }
    }

    /// <summary>Makes the bytes of a saved state agree that need not.</summary>
    private static void FreeState(OracleCase* test, in Instruction instruction, OracleOutcome* host, OracleOutcome* software)
    {
        ulong address = EffectiveAddress(test, instruction) - OracleLayout.Data;
        foreach ((int start, int length) in VendorDifferences.FreeStateBytes(instruction))
        {
            for (ulong at = address + (ulong)start; at < address + (ulong)(start + length) && at < OracleLayout.DataSize; at++) software->Data[at] = host->Data[at];
        }
    }

    private static ulong EffectiveAddress(OracleCase* test, in Instruction instruction)
    {
        MachineImage image = test->Image;
        return instruction.GetVirtualAddress(0, 0, (register, _, _) => image.Value(register));
    }

    private static void Memory(List<string> differences, OracleOutcome* host, OracleOutcome* software)
    {
        ReadOnlySpan<byte> a = new(host->Data, OracleLayout.DataSize);
        ReadOnlySpan<byte> b = new(software->Data, OracleLayout.DataSize);
        int first = a.CommonPrefixLength(b);
        if (first == a.Length) return;
        int last = a.Length - 1;
        while (a[last] == b[last]) last--;
        int shown = Math.Min(last + 1 - first, 64);
        differences.Add($"memory from {OracleLayout.Data + (ulong)first:x} to {OracleLayout.Data + (ulong)last:x}: " +
            $"{Convert.ToHexString(a.Slice(first, shown))} and {Convert.ToHexString(b.Slice(first, shown))}");
    }
}
