using System.Globalization;
using System.Text;
using Iced.Intel;
using Vitrine.Memory;
using Vitrine.X86;
using Vitrine.X86.Registers;
using Vitrine.X86.State;

namespace Vitrine.Run;

/// <summary>What is shown of a vCPU when a guest ends other than by its own wish.</summary>
internal static class FailureReport
{
    private const int LongestInstruction = 15;
    private const uint Code64Bit = 0x2000;
    private const uint Default32Bit = 0x4000;

    /// <summary>Writes the report of a vCPU whose copy of the registers is current. On its thread.</summary>
    /// <param name="headline">The one line that says what happened.</param>
    /// <param name="vcpu">The vCPU.</param>
    /// <param name="memory">Guest memory, to fetch the instruction from.</param>
    /// <param name="failed">Bytes of the instruction that failed, where the accelerator gave them; else empty.</param>
    internal static string Write(string headline, Vcpu vcpu, GuestMemory memory, ReadOnlySpan<byte> failed)
    {
        ProcessorState state = vcpu.State;
        StringBuilder text = new();
        text.AppendLine(headline);
        text.AppendLine();
        AppendRegisters(text, state);
        text.AppendLine();
        AppendInstruction(text, vcpu, memory, failed);
        text.AppendLine();
        AppendExits(text, vcpu.History);
        return text.ToString().TrimEnd();
    }

    /// <summary>Decodes the instruction at CS:RIP, or the bytes given.</summary>
    /// <returns>False when the bytes can't be fetched.</returns>
    internal static bool TryDecode(Vcpu vcpu, GuestMemory memory, ReadOnlySpan<byte> known, out Instruction instruction, out byte[] bytes)
    {
        bytes = known.IsEmpty ? Fetch(vcpu, memory) : known.ToArray();
        instruction = default;
        if (bytes.Length == 0) return false;
        Iced.Intel.Decoder decoder = Iced.Intel.Decoder.Create(Bitness(vcpu.State), new ByteArrayCodeReader(bytes), vcpu.State.Rip);
        decoder.Decode(out instruction);
        if (!instruction.IsInvalid) bytes = bytes[..instruction.Length];
        return true;
    }

    private static void AppendRegisters(StringBuilder text, ProcessorState state)
    {
        for (int i = 0; i < Gpr.Count; i++)
        {
            text.Append(CultureInfo.InvariantCulture, $"{RegisterNames.Gpr[i],-6}{state.Gpr[i]:x16}{(i % 4 == 3 ? "\n" : "  ")}");
        }

        text.AppendLine(CultureInfo.InvariantCulture, $"RIP   {state.Rip:x16}  RFLAGS {state.Rflags:x8}  {ModeName(state)}, CPL {state.Segments[Seg.Ss].Dpl}");
        for (int i = 0; i < Seg.Count; i++)
        {
            SegmentRegister segment = state.Segments[i];
            text.AppendLine(CultureInfo.InvariantCulture, $"{RegisterNames.Seg[i],-5} {segment.Selector:x4}  base {segment.Base:x16}  limit {segment.Limit:x8}  access {segment.Access:x5}");
        }

        text.AppendLine(CultureInfo.InvariantCulture, $"GDTR  base {state.Gdtr.Base:x16}  limit {state.Gdtr.Limit:x4}   IDTR  base {state.Idtr.Base:x16}  limit {state.Idtr.Limit:x4}");
        text.AppendLine(CultureInfo.InvariantCulture, $"CR0   {state.Cr0:x8}  CR2 {state.Cr2:x16}  CR3 {state.Cr3:x16}  CR4 {state.Cr4:x8}  EFER {state.Efer:x4}");
    }

    private static void AppendInstruction(StringBuilder text, Vcpu vcpu, GuestMemory memory, ReadOnlySpan<byte> failed)
    {
        ulong linear = vcpu.State.Segments[Seg.Cs].Base + vcpu.State.Rip;
        if (!TryDecode(vcpu, memory, failed, out Instruction instruction, out byte[] bytes))
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"Instruction at linear address 0x{linear:x}: not readable (not mapped, or no memory there).");
            return;
        }

        StringOutput decoded = new();
        if (instruction.IsInvalid) decoded.Write("(no valid instruction)", FormatterTextKind.Text);
        else new NasmFormatter(new FormatterOptions { HexPrefix = "0x", HexSuffix = null, UppercaseHex = false }).Format(instruction, decoded);
        text.AppendLine(CultureInfo.InvariantCulture, $"Instruction at linear address 0x{linear:x}: {Convert.ToHexStringLower(bytes)}  {decoded.ToStringAndReset()}");
    }

    private static void AppendExits(StringBuilder text, ExitHistory history)
    {
        text.AppendLine(CultureInfo.InvariantCulture, $"Last exits of {history.Total}, oldest first:");
        foreach (ExitRecord exit in history.Recent()) text.Append("  ").AppendLine(exit.ToString());
    }

    private static byte[] Fetch(Vcpu vcpu, GuestMemory memory)
    {
        ulong linear = vcpu.State.Segments[Seg.Cs].Base + vcpu.State.Rip;
        if ((vcpu.State.Efer & Efer.LMA) == 0) linear = (uint)linear;
        byte[] bytes = new byte[LongestInstruction];
        int count = 0;

        // Byte by byte, because an instruction may cross into a page that is mapped elsewhere, or not at all.
        while (count < bytes.Length && vcpu.Accelerated.Inspection.TryTranslate(linear + (ulong)count, out ulong physical) &&
            memory.TryRead(new Gpa(physical), bytes.AsSpan(count, 1)))
        {
            count++;
        }

        return bytes[..count];
    }

    private static int Bitness(ProcessorState state)
    {
        uint access = state.Segments[Seg.Cs].Access;
        if ((state.Efer & Efer.LMA) != 0 && (access & Code64Bit) != 0) return 64;
        return (state.Cr0 & Cr0.PE) != 0 && (access & Default32Bit) != 0 ? 32 : 16;
    }

    private static string ModeName(ProcessorState state) => (state.Cr0 & Cr0.PE) == 0
        ? "real mode"
        : Bitness(state) switch { 64 => "64-bit mode", 32 => "32-bit code", _ => "16-bit code" };
}
