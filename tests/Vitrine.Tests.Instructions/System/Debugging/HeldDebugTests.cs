using Vitrine.Accelerators.Software;
using Vitrine.X86.Registers;
using Xunit;

namespace Vitrine.Tests.Software.Debugging;

/// <summary>
/// All combinations of what casts a shadow or sets a trap, of what is armed, and of what comes next: each raises the events that the manual's rules
/// say, and ends.
/// </summary>
public sealed class HeldDebugTests
{
    public static TheoryData<SoftwareEngine, bool, int> All()
    {
        TheoryData<SoftwareEngine, bool, int> cases = [];
        foreach (SoftwareEngine engine in (ReadOnlySpan<SoftwareEngine>)[SoftwareEngine.Interpreter, SoftwareEngine.Translator])
        {
            foreach (bool is64 in (ReadOnlySpan<bool>)[true, false])
            {
                cases.Add(engine, is64, 0);
                cases.Add(engine, is64, 3);
            }
        }

        return cases;
    }

    [Theory]
    [MemberData(nameof(All))]
    public void EventsAreThoseOfTheManual(SoftwareEngine engine, bool is64, int level)
    {
        // Data (operand and string), instruction, port, TF.
        ulong[] arms = [Dr6.B0 | (Dr6.B0 << 3), Dr6.B0 << 1, Dr6.B0 << 2, Dr6.BS];
        DebugInstruction nop = new("nop", [0x90]);
        List<string> differences = [];
        int combinations = 0;
        using DebugMachine machine = new(engine, is64, level);
        foreach (DebugInstruction[] beginning in DebugProgram.Beginnings)
        {
            foreach (DebugInstruction ending in DebugProgram.Endings)
            {
                DebugInstruction[] program = [.. beginning, ending, nop, nop];
                if (!program.All(instruction => (is64 ? instruction.In64 : instruction.In32) && (instruction.Level < 0 || instruction.Level == level))) continue;
                for (int set = 0; set < 1 << arms.Length; set++)
                {
                    ulong armed = 0;
                    for (int i = 0; i < arms.Length; i++) armed |= (set >> i & 1) != 0 ? arms[i] : 0;
                    List<DebugEvent> expected = new DebugRules(DebugMachine.Start, level, armed).Predict(program, beginning.Length);
                    bool waits = expected[^1] == DebugEvent.Halt && beginning.Any(static instruction => instruction.Name == "sti");
                    if (waits) continue;
                    combinations++;
                    List<DebugEvent> actual = machine.Run(program, beginning.Length, armed);
                    if (expected.SequenceEqual(actual)) continue;
                    string names = string.Join("; ", program.Select(static instruction => instruction.Name));
                    differences.Add($"{names}, armed {armed:x}: {string.Join(", ", expected)} but {string.Join(", ", actual)}");
                }
            }
        }

        Assert.True(combinations > 1000, $"only {combinations} combinations");
        Assert.True(differences.Count == 0, $"{differences.Count} of {combinations} differ:\n{string.Join('\n', differences.Take(12))}");
    }
}
