using Vitrine.Accelerators.Software;
using Vitrine.Accelerators.Software.NativeUser;
using Vitrine.Tests.Software;
using Vitrine.X86.Exceptions;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Tests.Robustness.UserPrograms;

/// <summary>What docs/native-user-mode.md promises of stubs, against programs that know where theirs lies and attack it.</summary>
public sealed class NativeUserSafetyTests
{
    public NativeUserSafetyTests() => Engines.SkipUnlessPresent(SoftwareEngine.Translator);

    [Fact]
    public void NoProgramSetsTheTurn()
    {
        // Whose turn it is decides whether the monitor believes the program to stand.
        using StubProgram program = new();
        ulong turn = program.Shared + StubLayout.Turn;
        Assert.Equal((ulong)ExceptionVector.PF, program.Run(static a => a.mov(__dword_ptr[rbx + StubLayout.Turn], 0)));
        Assert.Equal(turn, program.Outcome.Cr2);
        Assert.Equal(UserMachine.Code, program.Outcome.Rip);
    }

    [Fact]
    public void TheThreadThatStartedAStubMayEnd()
    {
        StubProgram program = null!;
        Thread thread = new(() => program = new StubProgram());
        thread.Start();
        thread.Join();
        using (program)
        {
            Assert.Equal((ulong)ExceptionVector.UD, program.Run(static a => a.ud2()));
            Assert.Equal(0UL, program.Engine.Counters.Lost);
        }
    }

    [Fact]
    public void Int4AndBreakpointsAndStepsAreTheGuestsOwn()
    {
        using StubProgram program = new();
        Assert.Equal((ulong)ExceptionVector.OF, program.Run(static a => a.@int(4)));
        Assert.Equal(UserMachine.Code + 2, program.Outcome.Rip);
        Assert.Equal((ulong)ExceptionVector.BP, program.Run(static a =>
        {
            a.push(0x302);
            a.popfq();
            a.int3();
        }));
    }
}
