using Vitrine.X86.Registers;

namespace Vitrine.Tests.Software.Debugging;

/// <summary>
/// Which events a program raises, by the manual's rules: SDM vol. 3, 6.8.3 (what a load of SS holds back), table 6-2 (priorities), 18.3.1 (conditions, RF), and
/// 26.7.3, which says of injected events what becomes of debug exceptions held back: lost with a fault, and behind the entry with INT n, INT3 and INTO.
/// The handlers return with the flags they were given, except that an instruction breakpoint's sets RF.
/// </summary>
/// <param name="start">Address of the program.</param>
/// <param name="level">Its privilege level.</param>
/// <param name="armed">Armed breakpoints, as bits of DR6, and <see cref="Dr6.BS"/> for TF.</param>
internal sealed class DebugRules(ulong start, int level, ulong armed)
{
    private const ulong B1 = Dr6.B0 << 1;
    private readonly List<DebugEvent> _events = [];
    private ulong _held;
    private bool _inhibits;
    private bool _resume;
    private bool _detects = true;

    /// <summary>The events in order; the last ends the program.</summary>
    public List<DebugEvent> Predict(DebugInstruction[] program, int ending)
    {
        ulong rip = start;
        for (int i = 0; i < program.Length; i++)
        {
            DebugInstruction instruction = program[i];
            ulong next = rip + (ulong)instruction.Bytes.Length;
            if (i == ending && (armed & B1) != 0 && !_inhibits && !_resume)
            {
                Debug(rip, B1, resume: false);
                _resume = true;
            }

            if (!Step(instruction, rip, next)) return _events;
            _resume = false;
            rip = next;
        }

        _events.Add(DebugEvent.End);
        return _events;
    }

    private bool Step(DebugInstruction instruction, ulong rip, ulong next)
    {
        bool inhibited = _inhibits;
        _inhibits = false;
        ulong step = armed & Dr6.BS;
        switch (instruction.Effect)
        {
            case DebugEffect.LoadsSs when !inhibited:
                _held |= Hits(instruction, 0);
                _inhibits = true;
                return true;
            case DebugEffect.SoftwareInterrupt:
                if (_held != 0) Debug(DebugMachine.Handler(instruction.Vector), TakeHeld(), resume: false, 0);
                Event(instruction.Vector, next, resume: false);
                return true;
            case DebugEffect.DebugInterrupt:
                Debug(next, TakeHeld(), resume: false);
                return true;
            case DebugEffect.Faults:
                Event(instruction.Vector, rip, resume: true);
                return false;
            case DebugEffect.Halts:
                if (Traps(step, next)) return true;
                _events.Add(DebugEvent.Halt);
                return false;
            case DebugEffect.SystemCall:
                Traps(0, DebugMachine.SystemCall, resume: false, 0);
                _events.Add(DebugEvent.SystemCall);
                return false;
            case DebugEffect.SystemEnter:
                Traps(step, DebugMachine.SystemEnter, resume: false, 0);
                _events.Add(DebugEvent.SystemEnter);
                return false;
            case DebugEffect.Repeats:
                return Repeat(instruction, rip, next);
            case DebugEffect.GeneralDetect when _detects:
                Debug(rip, TakeHeld() | Dr6.BD, resume: true);
                Traps(step, next);
                return true;
            default:
                Traps(Hits(instruction, 0) | step, next);
                return true;
        }
    }

    private bool Repeat(DebugInstruction instruction, ulong rip, ulong next)
    {
        for (int element = 0; element < instruction.Hits.Length; element++)
        {
            if (element == instruction.FaultsAt)
            {
                Event(instruction.Vector, rip, resume: true);
                return false;
            }

            bool last = element == instruction.Hits.Length - 1;
            Traps(Hits(instruction, element) | (armed & Dr6.BS), last ? next : rip, resume: !last);
        }

        return true;
    }

    private ulong Hits(DebugInstruction instruction, int element) => element < instruction.Hits.Length ? instruction.Hits[element] & armed : 0;

    private ulong TakeHeld()
    {
        ulong held = _held;
        _held = 0;
        return held;
    }

    private bool Traps(ulong causes, ulong rip, bool resume = false, int from = -1)
    {
        causes |= TakeHeld();
        if (causes != 0) Debug(rip, causes, resume, from);
        return causes != 0;
    }

    private void Debug(ulong rip, ulong causes, bool resume, int from = -1)
    {
        _detects = false;
        _events.Add(new DebugEvent(1, rip, resume, from < 0 ? level : from, causes));
    }

    private void Event(byte vector, ulong rip, bool resume)
    {
        _held = 0;
        _events.Add(new DebugEvent(vector, rip, resume, level, 0));
    }
}
