using System.Globalization;
using Vitrine.X86.Registers;
using L = Vitrine.Tests.Software.Mmu.Stress.StressLayout;

namespace Vitrine.Tests.Software.Mmu.Stress;

/// <summary>
/// Says whether what a step did is something that the architecture permits. Where several translations are permitted every
/// combination is tried, in the order of the instruction's accesses, and what was observed must be the result of one of them, with
/// every byte of memory, accessed and dirty bits included.
/// </summary>
internal sealed class StressOracle(ModelMemory memory, TranslationModel model)
{
    private const int PageFault = 14;
    private const int GeneralProtection = 13;
    private const int MaxTrials = 2000;
    private const byte MoveToAl = 0xB0;

    private readonly List<BusByte> _bus = [];
    private readonly List<int> _path = [];
    private readonly List<int[]> _matches = [];
    private readonly HashSet<string> _permitted = [];
    private StressStep _step;
    private StressResult? _result;
    private byte[] _actual = [];
    private bool _unsafe;
    private bool _describe;
    private int _trials;

    /// <summary>A step may be executed: nothing that it may come to touches the harness.</summary>
    public bool IsSafe(in StressStep step)
    {
        if (step.Operation == StressOperation.LoadPkru) return (model.Cr4 & Cr4.PKE) != 0;
        if (!step.IsAccess) return true;
        Start(step, null, []);
        model.CompareWithManual = true;
        Try(0);
        model.CompareWithManual = false;
        return !_unsafe && _trials <= MaxTrials;
    }

    /// <summary>Compares, and takes over what has happened.</summary>
    /// <returns>What is wrong, or null.</returns>
    public string? Check(in StressStep step, StressResult result, ReadOnlySpan<byte> pool)
    {
        if (result.End is { } end) return $"the machine ended: {end}";
        if (!step.IsAccess) return CheckControl(step, result, pool);
        Start(step, result, pool);
        Try(0);
        if (_matches.Count > 0)
        {
            foreach (int[] match in _matches) Replay(match);
            memory.Begin(_actual);
            if (result.Vector == PageFault) model.EndFault(result.Cr2);
            model.Observe();
            return null;
        }

        _describe = true;
        _trials = 0;
        Try(0);
        _describe = false;
        return $"permitted: {string.Join("\n           or ", _permitted)}\nbut it was: {Observed(result)}{Changes(pool)}";
    }

    private void Start(in StressStep step, StressResult? result, ReadOnlySpan<byte> pool)
    {
        _step = step;
        _result = result;
        if (result is not null)
        {
            if (_actual.Length == 0) _actual = new byte[pool.Length];
            pool.CopyTo(_actual);
        }

        _bus.Clear();
        _path.Clear();
        _matches.Clear();
        _permitted.Clear();
        _unsafe = false;
        _trials = 0;
    }

    private int Accesses => _step.Operation is StressOperation.RepeatStore or StressOperation.RepeatMove ? _step.Count : 1;

    private int AccessSize => _step.Operation == StressOperation.Fetch ? _step.User ? 4 : 3 : _step.Size;

    private AccessKind Kind => new(_step.Writes, _step.Operation == StressOperation.Fetch, _step.User, _step.Ac && !_step.User);

    private void Try(int access)
    {
        if (_unsafe || ++_trials > MaxTrials) return;
        if (access == Accesses)
        {
            End(null, 0, access, "done");
            return;
        }

        ulong linear = _step.Linear + (ulong)(access * _step.Size);
        int size = AccessSize;
        int first = Math.Min(size, 0x1000 - (int)(linear & 0xFFF));

        // Segment limits and canonical addresses are not what this is about.
        bool wraps = (uint)linear > uint.MaxValue - size && linear >> 32 is 0 or uint.MaxValue;
        if (wraps || model.Outcomes(linear, Kind) is not { } firsts)
        {
            _unsafe = true;
            return;
        }

        for (int i = 0; i < firsts.Count; i++)
        {
            Outcome one = firsts[i];
            _unsafe |= one.Unsafe;
            _path.Add(i);
            int mark = memory.Mark;
            if (one.Fault)
            {
                End(one.ErrorCode, linear, access, one.Source);
            }
            else
            {
                Apply(one, byte.MaxValue);
                if (first == size) Perform(access, linear, one, default, first);
                else TrySecond(access, linear, one, first, mark);
            }

            memory.Undo(mark);
            _path.RemoveAt(_path.Count - 1);
        }
    }

    private void TrySecond(int access, ulong linear, Outcome one, int first, int before)
    {
        ulong next = linear + (ulong)first;
        if (_step.Operation == StressOperation.Fetch && memory.Byte(one.Gpa + (linear & 0xFFF)) != MoveToAl)
        {
            // An instruction that ends in the first page.
            _unsafe = true;
            return;
        }

        if (model.Outcomes(next, Kind) is not { } seconds)
        {
            _unsafe = true;
            return;
        }

        for (int i = 0; i < seconds.Count; i++)
        {
            Outcome two = seconds[i];
            _unsafe |= two.Unsafe;
            _path.Add(i);
            if (!two.Fault)
            {
                int mark = memory.Mark;
                Apply(two, byte.MaxValue);
                Perform(access, linear, one, two, first);
                memory.Undo(mark);
            }
            else
            {
                // The first page may or may not be marked for an access that the second one stops.
                foreach (byte bits in (ReadOnlySpan<byte>)[byte.MaxValue, 0x20, 0])
                {
                    memory.Undo(before);
                    Apply(one, bits);
                    End(two.ErrorCode, next, access, $"{one.Source}, then {two.Source}");
                }

                memory.Undo(before);
                Apply(one, byte.MaxValue);
            }

            _path.RemoveAt(_path.Count - 1);
        }
    }

    private void Apply(in Outcome outcome, byte bits)
    {
        foreach ((ulong address, byte wanted) in outcome.Marks)
        {
            byte now = memory.Byte(address);
            if ((now | (wanted & bits)) != now) memory.SetByte(address, (byte)(now | (wanted & bits)));
        }
    }

    /// <summary>The access itself, its pages translated; then the next.</summary>
    private void Perform(int access, ulong linear, in Outcome one, in Outcome two, int first)
    {
        int size = AccessSize;
        Span<ulong> addresses = stackalloc ulong[16];
        for (int i = 0; i < size; i++)
        {
            addresses[i] = i < first ? one.Gpa + ((linear + (ulong)i) & 0xFFF) : two.Gpa + (ulong)(i - first);
            MemoryKind kind = ModelMemory.KindOf(addresses[i]);
            _unsafe |= kind == MemoryKind.Forbidden || (_step.Writes && ModelMemory.IsHarnessEntry(addresses[i])) ||
                (_step.Operation == StressOperation.Fetch && kind == MemoryKind.Device);
        }

        if (_unsafe) return;
        int bus = _bus.Count;
        int mark = memory.Mark;
        var cached = model.Mark(linear);
        Span<byte> old = stackalloc byte[16];
        old.Clear();
        if (_step.Operation is StressOperation.Read or StressOperation.ExchangeAdd or StressOperation.CompareExchange or StressOperation.Fetch)
        {
            for (int i = 0; i < size; i++) old[i] = ReadByte(addresses[i]);
        }

        if (_step.Writes)
        {
            // The translation just used may be kept from now on, whatever the store does to the tables.
            if (Accesses > 1) model.Observe(linear);
            Span<byte> stored = stackalloc byte[16];
            BitConverter.TryWriteBytes(stored, NewValue(access, old));
            for (int i = 0; i < size; i++) WriteByte(addresses[i], stored[i]);
        }

        if (Correct(old[..size])) Go(access, one, two, first == size);
        model.Undo(linear, cached);
        memory.Undo(mark);
        _bus.RemoveRange(bus, _bus.Count - bus);
    }

    private void Go(int access, in Outcome one, in Outcome two, bool single)
    {
        if (access + 1 < Accesses)
        {
            Try(access + 1);
            return;
        }

        End(null, 0, access + 1, single ? one.Source : $"{one.Source}, then {two.Source}");
    }

    private byte ReadByte(ulong gpa)
    {
        if (ModelMemory.KindOf(gpa) != MemoryKind.Device) return memory.Byte(gpa);
        byte value = L.DeviceByte(gpa);
        _bus.Add(new BusByte(gpa, false, value));
        return value;
    }

    private void WriteByte(ulong gpa, byte value)
    {
        if (ModelMemory.KindOf(gpa) == MemoryKind.Pool) memory.SetByte(gpa, value);
        else _bus.Add(new BusByte(gpa, true, value));
    }

    private UInt128 NewValue(int access, ReadOnlySpan<byte> old)
    {
        ulong before = BitConverter.ToUInt64(old);
        return _step.Operation switch
        {
            StressOperation.ExchangeAdd => before + _step.Value,
            StressOperation.CompareExchange => before == _step.Value ? _step.Other : before,
            StressOperation.RepeatMove when access == 1 => _step.Other,
            _ => new UInt128(_step.Other, _step.Value),
        };
    }

    /// <summary>What was read is in the registers.</summary>
    private bool Correct(ReadOnlySpan<byte> read)
    {
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        read.CopyTo(bytes);
        if (_step.Operation == StressOperation.Fetch && !IsStub(read))
        {
            _unsafe = true;
            return false;
        }

        if (_result is not { } result) return true;
        UInt128 value = new(BitConverter.ToUInt64(bytes[8..]), BitConverter.ToUInt64(bytes));
        bool correct = result.Vector != StressResult.NoFault || _step.Operation switch
        {
            StressOperation.Read when _step.Size == 8 => (ulong)result.Xmm == (ulong)value,
            StressOperation.Read when _step.Size == 16 => result.Xmm == value,
            StressOperation.Read => result.Rax == (ulong)value,
            StressOperation.ExchangeAdd when _step.Size == 4 => (uint)result.Rax == (uint)value,
            StressOperation.ExchangeAdd => result.Rax == (ulong)value,
            StressOperation.CompareExchange => (uint)result.Rax == (uint)value && (uint)result.Rdx == (uint)((ulong)value >> 32),
            StressOperation.Fetch => (byte)result.Rax == read[1],
            _ => true,
        };
        if (!correct && _describe) _permitted.Add($"{value:x} is read");
        return correct || _describe;
    }

    // MOV AL, imm8; RET or INT 0x80.
    private bool IsStub(ReadOnlySpan<byte> bytes) =>
        bytes[0] == MoveToAl && (_step.User ? bytes[2] == 0xCD && bytes[3] == StressHarness.UserEndVector : bytes[2] == 0xC3);

    /// <summary>The instruction's end in one of the permitted ways.</summary>
    private void End(uint? error, ulong cr2, int accesses, string source)
    {
        if (_result is not { } result) return;
        if (_describe)
        {
            _permitted.Add(error is { } code ? $"#PF({code:x}) at {cr2:x} ({source})" : $"no fault ({source}){BusText(_bus)}{FirstDifference()}");
            return;
        }

        bool repeated = _step.Operation is StressOperation.RepeatStore or StressOperation.RepeatMove;
        if (repeated && (long)result.Rcx != _step.Count - accesses) return;
        if (error is { } expected)
        {
            if (result.Vector != PageFault || result.ErrorCode != expected || result.Cr2 != cr2) return;
            if (_step.Operation == StressOperation.Fetch && result.Rip != _step.Linear) return;
        }
        else if (result.Vector != StressResult.NoFault)
        {
            return;
        }

        if (!_bus.SequenceEqual(result.Bus) || !memory.Pool.SequenceEqual(_actual)) return;
        _matches.Add([.. _path]);
    }

    /// <summary>Goes a way again that fits, and notes at each change of memory what may have been cached then.</summary>
    private void Replay(int[] path)
    {
        int at = 0;
        int begin = memory.Mark;
        Span<byte> old = stackalloc byte[16];
        Span<byte> stored = stackalloc byte[16];
        Span<ulong> addresses = stackalloc ulong[16];
        for (int access = 0; access < Accesses && at < path.Length; access++)
        {
            ulong linear = _step.Linear + (ulong)(access * _step.Size);
            int size = AccessSize;
            int first = Math.Min(size, 0x1000 - (int)(linear & 0xFFF));
            Outcome one = model.Outcomes(linear, Kind)![path[at++]];
            Outcome two = one;
            if (one.Fault) break;
            Apply(one, byte.MaxValue);
            model.Observe();
            if (first < size)
            {
                two = model.Outcomes(linear + (ulong)first, Kind)![path[at++]];
                if (two.Fault) break;
                Apply(two, byte.MaxValue);
                model.Observe();
            }

            if (!_step.Writes) continue;
            for (int i = 0; i < size; i++)
            {
                addresses[i] = i < first ? one.Gpa + ((linear + (ulong)i) & 0xFFF) : two.Gpa + (ulong)(i - first);
                old[i] = ModelMemory.KindOf(addresses[i]) == MemoryKind.Device ? L.DeviceByte(addresses[i]) : memory.Byte(addresses[i]);
            }

            BitConverter.TryWriteBytes(stored, NewValue(access, old));
            for (int i = 0; i < size; i++)
            {
                if (ModelMemory.KindOf(addresses[i]) == MemoryKind.Pool) memory.SetByte(addresses[i], stored[i]);
            }

            model.Observe();
        }

        memory.Undo(begin);
    }

    private string? CheckControl(in StressStep step, StressResult result, ReadOnlySpan<byte> pool)
    {
        bool done = true;
        switch (step.Operation)
        {
            case StressOperation.InvalidatePage:
                model.InvalidatePage(step.Linear);
                break;
            case StressOperation.InvalidateContext when step.Size == 0:
                model.InvalidateAddress((int)step.Value, step.Linear);
                break;
            case StressOperation.InvalidateContext when step.Size == 1:
                model.InvalidateContext((int)step.Value);
                break;
            case StressOperation.InvalidateContext when step.Size == 2:
                model.InvalidateAll();
                break;
            case StressOperation.InvalidateContext:
                model.InvalidateContexts();
                break;
            case StressOperation.LoadCr0:
                done = model.LoadCr0(step.Value);
                break;
            case StressOperation.LoadCr3:
                done = model.LoadCr3(step.Value);
                break;
            case StressOperation.LoadCr4:
                done = model.LoadCr4(step.Value);
                break;
            case StressOperation.LoadCr4AndFlush:
                done = model.LoadCr4(step.Value) && model.LoadCr4(step.Value ^ Cr4.PGE) && model.LoadCr4(step.Value);
                break;
            case StressOperation.LoadEferAndFlush:
                model.LoadEfer(step.Value);
                done = model.LoadCr4(model.Cr4 ^ Cr4.PGE) && model.LoadCr4(model.Cr4 ^ Cr4.PGE);
                break;
            case StressOperation.LoadPkru:
                model.LoadPkru((uint)step.Value);
                break;
            case StressOperation.LoadPkrs:
                model.LoadPkrs((uint)step.Value);
                break;
            default:
                model.InvalidateAll();
                break;
        }

        model.Observe();
        bool ended = done ? result.Vector == StressResult.NoFault : result.Vector == GeneralProtection && result.ErrorCode == 0;
        if (ended && memory.Pool.SequenceEqual(pool) && result.Bus.Count == 0) return null;
        _actual = pool.ToArray();
        return $"permitted: {(done ? "no fault" : "#GP(0)")}\nbut it was: {Observed(result)}{Changes(pool)}";
    }

    private string Observed(StressResult result)
    {
        CultureInfo culture = CultureInfo.InvariantCulture;
        string bus = BusText(result.Bus);
        return result.Vector switch
        {
            StressResult.NoFault => string.Create(culture, $"no fault, rax={result.Rax:x} rdx={result.Rdx:x} rcx={result.Rcx:x} xmm0={result.Xmm:x}{bus}"),
            PageFault => string.Create(culture, $"#PF({result.ErrorCode:x}) at {result.Cr2:x}, rip={result.Rip:x} rcx={result.Rcx:x}{bus}"),
            _ => string.Create(culture, $"#{result.Vector}({result.ErrorCode:x}), rip={result.Rip:x}{bus}"),
        };
    }

    private static string BusText(List<BusByte> bus) => bus.Count == 0
        ? ""
        : ", bus: " + string.Join(' ', bus.Select(one => $"{(one.IsWrite ? 'w' : 'r')}{one.Gpa:x}={one.Value:x}"));

    private string FirstDifference()
    {
        int at = memory.Pool.CommonPrefixLength(_actual) & ~7;
        return at == _actual.Length ? "" : $", with {BitConverter.ToUInt64(memory.Pool[at..]):x} at page {at >> 12} + {at & 0xFFF:x}";
    }

    private string Changes(ReadOnlySpan<byte> pool)
    {
        List<string> changes = [];
        for (int i = 0; i < pool.Length; i += 8)
        {
            ulong before = BitConverter.ToUInt64(memory.Pool[i..]);
            ulong after = BitConverter.ToUInt64(pool[i..]);
            if (before != after) changes.Add($"\n           page {i >> 12} + {i & 0xFFF:x}: {before:x} -> {after:x}");
        }

        return string.Concat(changes);
    }
}
