using Iced.Intel;

namespace Vitrine.Tests.Differential;

/// <summary>Makes the state of a failing case as plain as it can be: what doesn't matter becomes zero.</summary>
// SAFETY: indexes into the case's fixed buffers stay within their sizes.
internal static unsafe class CaseShrinker
{
    /// <summary>Tries each simplification once and keeps those with which the case still fails.</summary>
    public static void Shrink(ref OracleCase test, Span<byte> memory, DecoderOptions options, Func<OracleCase, bool> fails)
    {
        RemoveInstructions(ref test, options, fails);
        for (int i = 0; i < 16; i++) Attempt(ref test, i, static (ref OracleCase t, int n) => t.Image.SetGeneral(n, 0), fails);
        for (int i = 0; i < 16; i++) Attempt(ref test, i, static (ref OracleCase t, int n) => t.Image.SetXmm(n, 0), fails);
        for (int i = 0; i < 16; i++) Attempt(ref test, i, static (ref OracleCase t, int n) => t.Image.SetYmmHigh(n, 0), fails);
        for (int i = 0; i < 8; i++) Attempt(ref test, i, static (ref OracleCase t, int n) => t.Image.SetSt(n, 0, 0), fails);
        for (int i = 0; i < 12; i++) Attempt(ref test, i, static (ref OracleCase t, int n) => t.Image.Rflags &= ~((1UL << n) & 0xCD5), fails);
        Attempt(ref test, 0, static (ref OracleCase t, int n) => t.Image.Mxcsr = 0x1F80, fails);
        Attempt(ref test, 0, static (ref OracleCase t, int n) => t.Image.StatusWord = 0, fails);
        Attempt(ref test, 0, static (ref OracleCase t, int n) => t.Image.ControlWord = 0x37F, fails);
        Attempt(ref test, 0, static (ref OracleCase t, int n) => t.Image.Tag = 0, fails);
        for (int i = 0; i < 16; i++)
        {
            Attempt(ref test, i, static (ref OracleCase t, int n) => t.Image.SetGeneral(n, t.Image.General(n) & 0xFF), fails);
        }

        for (int size = memory.Length; size >= 64; size /= 2)
        {
            for (int at = 0; at < memory.Length; at += size) Clear(test, memory.Slice(at, size), fails);
        }
    }

    /// <summary>NOPs for what isn't needed, so that everything else stays where it is.</summary>
    private static void RemoveInstructions(ref OracleCase test, DecoderOptions options, Func<OracleCase, bool> fails)
    {
        List<Instruction> instructions = InstructionText.Decode(test.Instructions(), test.Image.Bitness, test.Image.Rip, options);
        if (instructions.Count == 1) return;
        bool loops = instructions[^1].FlowControl == FlowControl.ConditionalBranch && instructions[^1].NearBranchTarget < instructions[^1].IP;
        Register counter = loops ? instructions[0].Op0Register.GetFullRegister() : Register.None;
        foreach (Instruction instruction in instructions)
        {
            // Without its counter a loop has no end.
            if (loops && instruction.Op0Kind == OpKind.Register && instruction.Op0Register.GetFullRegister() == counter) continue;
            OracleCase candidate = test;
            new Span<byte>(candidate.Code, OracleCase.CodeCapacity).Slice((int)(instruction.IP - test.Image.Rip), instruction.Length).Fill(0x90);
            List<Instruction> rest = InstructionText.Decode(candidate.Instructions(), test.Image.Bitness, test.Image.Rip, options);
            if (!FlagFlow.ReadsUndefined(rest) && fails(candidate)) test = candidate;
        }
    }

    private static void Attempt(ref OracleCase test, int number, Change change, Func<OracleCase, bool> fails)
    {
        OracleCase candidate = test;
        change(ref candidate, number);
        if (fails(candidate)) test = candidate;
    }

    private static void Clear(OracleCase test, Span<byte> memory, Func<OracleCase, bool> fails)
    {
        if (!memory.ContainsAnyExcept((byte)0)) return;
        byte[] saved = memory.ToArray();
        memory.Clear();
        if (!fails(test)) saved.CopyTo(memory);
    }

    private delegate void Change(ref OracleCase test, int number);
}
