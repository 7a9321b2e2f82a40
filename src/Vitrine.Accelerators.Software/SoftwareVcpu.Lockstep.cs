using System.Text;
using Iced.Intel;
using Vitrine.Accelerators.Software.Decode;
using Vitrine.Accelerators.Software.Interpreter;
using Vitrine.Accelerators.Software.Mmu;
using Vitrine.Accelerators.Software.State;
using Vitrine.Accelerators.Software.Translator;
using Decoder = Iced.Intel.Decoder;

namespace Vitrine.Accelerators.Software;

/// <content>
/// Lockstep: before a translated block runs, the interpreter tries the same instructions with its writes kept apart; behind it both must have come
/// to the same.
/// </content>
internal sealed unsafe partial class SoftwareVcpu
{
    // SAFETY: as in the main part.
    private readonly RegisterImage[]? _trail;
    private readonly RflagsBits[]? _undefinedFlags;
    private readonly WriteOverlay? _overlay;
    private int _trailLength;
    private TranslatedBlock* _alone;

    /// <summary>Blocks compared so far.</summary>
    internal ulong Compared { get; private set; }

    /// <summary>True when each translated block is compared with the interpreter.</summary>
    internal bool Lockstep => _trail != null;

    /// <summary>Prepares the run of one block that nothing leads out of.</summary>
    private byte* EnterAlone(TranslatedBlock* block, ulong rip)
    {
        if (block->Entry == null) _translator!.AddEntry(block, isGlobal: false);
        _translations!.Bind(block, rip);
        _translations.ForgetBranch(rip);
        _cpu->Rip = rip;
        _alone = block;
        TryBlock(block);
        return block->Entry;
    }

    private void CompareAt(ExitReason reason, byte* site)
    {
        if (reason is ExitReason.Read or ExitReason.Write or ExitReason.StackRead or ExitReason.StackWrite or ExitReason.X87 or ExitReason.SecondPage) return;
        Compare(_alone, reason == ExitReason.Lookup ? _cpu->Rip : RipAt(site));
    }

    /// <summary>Runs the instructions of a block in the interpreter, and puts everything back as it was.</summary>
    private void TryBlock(TranslatedBlock* block)
    {
        RegisterImage[] trail = _trail!;
        Unload();
        RegisterImage.Save(_cpu, ref trail[0]);
        _undefinedFlags![0] = 0;
        _trailLength = 0;
        _overlay!.Clear();
        ExecutionMode mode = _cpu->Mode;
        TlbEntry* tlb = _cpu->Tlb;
        ulong poll = Interlocked.Exchange(ref _cpu->PollAt, ulong.MaxValue);
        _mmu.BeginTrial(_overlay);
        ulong start = _cpu->Rip;
        while (_trailLength < block->Instructions)
        {
            _overlay.Instruction = _trailLength;
            Op* op = FindOne();
            if (op == null) break;
            _cpu->BlockRip = _cpu->Rip;
            RflagsBits undefined = UndefinedBehind(_cpu->Rip, _undefinedFlags[_trailLength]);
            ulong expected = Faults.NextRip(_cpu, op);
            ulong executed = _cpu->Instructions;
            Op* next = op->Handler(_cpu, op);

            // A branch whose target can't be fetched is complete all the same.
            bool completed = next != null || _cpu->Leave == LeaveReason.NextBlock || _cpu->Instructions != executed;
            if (_overlay.Refused || !completed) break;
            if (next == op + 1) _cpu->Rip = expected;
            else if (next != null) _cpu->Rip = _cpu->BlockRip;
            RegisterImage.Save(_cpu, ref trail[++_trailLength]);
            _undefinedFlags[_trailLength] = undefined;
            if (_cpu->Rip != expected) break;
        }

        _mmu.EndTrial();
        RegisterImage.Restore(_cpu, ref trail[0]);
        _cpu->Rip = start;
        _cpu->Leave = LeaveReason.NextBlock;
        Interlocked.CompareExchange(ref _cpu->PollAt, poll, ulong.MaxValue);
    }

    /// <summary>Compares the state at a boundary with what the interpreter had there.</summary>
    private void Compare(TranslatedBlock* block, ulong rip)
    {
        Compared++;
        Unload();
        _cpu->Rip = rip;
        RegisterImage now = default;
        RegisterImage.Save(_cpu, ref now);
        string? best = null;
        for (int i = _trailLength; i >= 0; i--)
        {
            if (_trail![i].Rip != rip) continue;
            string? differences = Differences(ref _trail[i], ref now, _undefinedFlags![i], i);
            if (differences == null) return;
            best ??= differences;
        }

        throw new InvalidOperationException(Describe(block, rip, best ?? "the interpreter never came to this place"));
    }

    private string? Differences(ref RegisterImage expected, ref RegisterImage found, RflagsBits undefined, int instructions)
    {
        StringBuilder text = new();
        for (int i = 0; i < 16; i++)
        {
            if (expected.Gpr[i] != found.Gpr[i]) text.Append($" {Register.RAX + i}: {found.Gpr[i]:x}, interpreter {expected.Gpr[i]:x};");
        }

        ulong mask = ~(ulong)((undefined & RflagsBits.OF) != 0 ? Flags.Of : 0) & ~(ulong)((undefined & RflagsBits.SF) != 0 ? Flags.Sf : 0) &
            ~(ulong)((undefined & RflagsBits.ZF) != 0 ? Flags.Zf : 0) & ~(ulong)((undefined & RflagsBits.AF) != 0 ? Flags.Af : 0) &
            ~(ulong)((undefined & RflagsBits.CF) != 0 ? Flags.Cf : 0) & ~(ulong)((undefined & RflagsBits.PF) != 0 ? Flags.Pf : 0);
        if (((expected.Rflags ^ found.Rflags) & mask) != 0) text.Append($" flags: {found.Rflags:x}, interpreter {expected.Rflags:x} (defined {mask & Flags.Arithmetic:x});");
        for (int i = 0; i < 64; i++)
        {
            if (expected.Xmm[i] != found.Xmm[i]) text.Append($" XMM{i / 4}[{i % 4}]: {found.Xmm[i]:x}, interpreter {expected.Xmm[i]:x};");
        }

        for (int i = 0; i < 16; i++)
        {
            if (expected.X87[i] != found.X87[i]) text.Append($" x87 {i / 2}[{i % 2}]: {found.X87[i]:x}, interpreter {expected.X87[i]:x};");
        }

        if (expected.Fcw != found.Fcw || expected.Fsw != found.Fsw || expected.FpuTop != found.FpuTop || expected.FpuTag != found.FpuTag)
            text.Append($" x87 {found.Fcw:x} {found.Fsw:x} {found.FpuTop} {found.FpuTag:x}, interpreter {expected.Fcw:x} {expected.Fsw:x} {expected.FpuTop} {expected.FpuTag:x};");
        if (expected.Mxcsr != found.Mxcsr) text.Append($" MXCSR: {found.Mxcsr:x}, interpreter {expected.Mxcsr:x};");
        foreach ((ulong gpa, byte value) in _overlay!.After(instructions))
        {
            byte* host = _mmu.HostFor(gpa, 1, out _);
            if (host != null && *host != value) text.Append($" [{gpa:x}]: {*host:x2}, interpreter {value:x2};");
        }

        return text.Length == 0 ? null : text.ToString();
    }

    private string Describe(TranslatedBlock* block, ulong rip, string differences)
    {
        StringBuilder text = new();
        text.AppendLine($"The translator and the interpreter differ at RIP {rip:x} after {_trailLength} instructions from {_trail![0].Rip:x}:{differences}");
        Decoder decoder = Decoder.Create((block->Mode & ExecutionMode.Code64) != 0 ? 64 : 32, new Bytes(block->Guest, block->GuestBytes));
        decoder.IP = _trail[0].Rip;
        for (int i = 0; i < block->Instructions; i++) text.AppendLine($"  {decoder.IP:x} {decoder.Decode()}");
        decoder = Decoder.Create(64, new Bytes(block->Body, block->HostBytes));
        decoder.IP = (ulong)block->Body;
        while (decoder.IP < (ulong)block->Body + (ulong)block->HostBytes) text.AppendLine($"    {decoder.IP:x} {decoder.Decode()}");
        for (int i = 0; i < 16; i++) text.Append($" {Register.RAX + i}={_trail[0].Gpr[i]:x}");
        return text.ToString();
    }

    private RflagsBits UndefinedBehind(ulong rip, RflagsBits before)
    {
        if (!TryLocate(rip, out _, out ulong gpa, out _)) return before;
        byte* host = _mmu.HostFor(gpa, 1, out _);
        if (host == null) return before;
        Decoder decoder = Decoder.Create((_cpu->Mode & ExecutionMode.Code64) != 0 ? 64 : 32, new Bytes(host, 0x1000 - (int)((ulong)host & 0xFFF)), BlockBuilder.OptionsFor(null));
        Instruction instruction = decoder.Decode();
        return (before & ~instruction.RflagsModified) | instruction.RflagsUndefined;
    }

    private sealed class Bytes(byte* start, int length) : CodeReader
    {
        private int _next;

        public override int ReadByte() => _next < length ? start[_next++] : -1;
    }
}
