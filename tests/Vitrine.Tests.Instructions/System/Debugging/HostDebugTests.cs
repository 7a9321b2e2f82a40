using Vitrine.Tests.Differential;
using Vitrine.X86.Registers;
using Xunit;

namespace Vitrine.Tests.Software.Debugging;

/// <summary>The rules that <see cref="HeldDebugTests"/> goes by, against the host CPU as far as Linux shows what happens there.</summary>
public sealed class HostDebugTests
{
    // Left out is where processors differ. Behind a load of SS AMD's take instruction breakpoints and hold traps back over further loads, which the manual
    // leaves open; and what is held back over INT1, CPUID or a repeated string is lost there, or under a hypervisor.
    private static readonly string[] s_beginnings = ["nop", "mov ss", "mov ss, bp", "lss", "mov eax, mem"];
    private static readonly string[] s_endings = ["nop", "int3", "ud2", "hlt", "#PF", "#GP"];

    [Fact]
    public void TheHostDoesAsTheRulesSay()
    {
        Assert.SkipUnless(NativeOracle.IsAvailable, NativeOracle.Missing);
        List<string> differences = [];
        int ran = 0;

        // All requests have to come from the thread that made the child.
        Thread tracer = new(() => ran = Compare(differences));
        tracer.Start();
        tracer.Join();
        Assert.SkipUnless(ran > 0, "the host lets nobody set hardware breakpoints by ptrace");
        Assert.True(differences.Count == 0, string.Join('\n', differences));
    }

    private static int Compare(List<string> differences)
    {
        int ran = 0;
        DebugInstruction nop = new("nop", [0x90]);
        foreach (DebugInstruction[] beginning in DebugProgram.Beginnings)
        {
            if (!beginning.All(static instruction => instruction.In64 && s_beginnings.Contains(instruction.Name))) continue;
            int loads = beginning.Count(static instruction => instruction.Effect == DebugEffect.LoadsSs);
            if (loads > 1) continue;
            foreach (DebugInstruction ending in DebugProgram.Endings)
            {
                if (!ending.In64 || ending.Level == 0 || !s_endings.Contains(ending.Name)) continue;
                foreach (ulong armed in (ReadOnlySpan<ulong>)[Dr6.B0, Dr6.B0 << 1, Dr6.B0 | (Dr6.B0 << 1)])
                {
                    if (loads > 0 && (armed & (Dr6.B0 << 1)) != 0) continue;
                    DebugInstruction[] program = [.. beginning, ending, nop];
                    if (HostDebugger.Run(program, beginning.Length, armed) is not { } stopped) return ran;
                    ran++;

                    // What happens at level 0 is the kernel's.
                    DebugEvent[] events =
                        [.. new DebugRules(HostDebugger.Start, 3, armed).Predict(program, beginning.Length).SkipWhile(static e => e.Vector != 0 && e.Level != 3)];
                    DebugEvent first = events[0];
                    int signal = first.Vector switch { 0 => 0, 1 or 3 => 5, 6 => 4, _ => 11 };
                    bool same = signal == stopped.Signal && (signal == 0 || first.Rip == stopped.Rip) && (first.Vector != 1 || IsCause(events, stopped.Dr6));
                    if (!same) differences.Add($"{string.Join("; ", program.Select(static i => i.Name))}, armed {armed:x}: {first}, but the host has signal {stopped.Signal} at {stopped.Rip:x}, DR6 {stopped.Dr6:x}");
                }
            }
        }

        return ran;
    }

    // A trap behind an instruction and a breakpoint at the next meet at one place. AMD's processors tell of one after the other; Intel's of both in the first,
    // since each bit says that its condition was met when the exception was generated (SDM vol. 3, "Debug Status Register (DR6)").
    private static bool IsCause(DebugEvent[] events, ulong dr6)
    {
        ulong all = events.TakeWhile(e => e.Vector == 1 && e.Rip == events[0].Rip).Aggregate(0UL, static (causes, e) => causes | e.Causes);
        return dr6 == events[0].Causes || dr6 == all;
    }
}
