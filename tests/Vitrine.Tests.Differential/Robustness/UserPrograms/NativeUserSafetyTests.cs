using Iced.Intel;
using Vitrine.Accelerators.Software;
using Vitrine.Accelerators.Software.NativeUser;
using Vitrine.Tests.Software;
using Vitrine.X86.Exceptions;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Tests.Robustness.UserPrograms;

/// <summary>What docs/native-user-mode.md promises of stubs, against programs that know where theirs lies and attack it.</summary>
public sealed class NativeUserSafetyTests
{
    private const int LastSystemCall = 480;

    public NativeUserSafetyTests() => Engines.SkipUnlessPresent(SoftwareEngine.Translator);

    [Fact]
    public void NoProgramSetsTheTurn()
    {
        // Whose turn it is decides whether the monitor believes the program to stand.
        using StubProgram program = new();
        ulong turn = program.Shared + StubLayout.Turn;
        Assert.Equal((ulong)ExceptionVector.PF, program.Run(static a => a.mov(__dword_ptr[rbx + StubLayout.Turn], 0)));
        Assert.Equal(turn, program.Outcome.Cr2);
        Assert.Equal(program.Start, program.Outcome.Rip);
    }

    [Fact]
    public void NoSystemCallOfAProgramsOwnIsMade()
    {
        using StubProgram program = new();
        for (uint number = 0; number <= LastSystemCall; number++)
        {
            // uprobe, by which kernels from 6.18 on return from probes of their own: no filter sees it, and it does nothing but fail.
            const uint Uprobe = 336;
            if (number == Uprobe) continue;

            // The guest's kernel has EFER.SCE clear: what is made of it there is #UD.
            uint present = number;
            ulong vector = program.Run(a =>
            {
                a.mov(eax, present);
                a.mov(edi, StubLayout.SharedDescriptor);
                a.xor(esi, esi);
                a.syscall();
            });
            Assert.True(vector == ExceptionVector.UD, $"system call {number}: #{vector} at {program.Outcome.Rip:x}, CR2 {program.Outcome.Cr2:x}");
        }

        Assert.Equal(0UL, program.Engine.Counters.Lost);
    }

    [Theory]
    [InlineData(HostCalls.Mmap)]
    [InlineData(HostCalls.Mprotect)]
    [InlineData(HostCalls.Munmap)]
    [InlineData(HostCalls.Setrlimit)]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(HostCalls.Pwrite64)]
    [InlineData(HostCalls.Tgkill)]
    public void NoCallOfTheStubsOwnPlacesIsMadeForAProgram(int number)
    {
        using StubProgram program = new();
        string before = Maps(program);
        foreach (int place in (int[])[program.Code.CallSite, program.Code.HandOver, program.Code.Restorer + 5])
        {
            // Memory of the guest at an address that it doesn't have there; the key is a guess.
            ulong vector = program.Run(a =>
            {
                a.mov(eax, number);
                a.mov(rdi, 0x7000_0000UL);
                a.mov(esi, 0x1000);
                a.mov(edx, 7);
                a.mov(r10, (0x1234UL << 32) | HostCalls.MapShared | HostCalls.MapFixed);
                a.mov(r8, (0x5678UL << 32) | StubLayout.FirstMemoryDescriptor);
                a.xor(r9d, r9d);
                a.add(rbp, place);
                a.jmp(rbp);
            });
            Assert.Equal((ulong)ExceptionVector.PF, vector);
            Assert.Equal(program.Stub.Start + (ulong)place, program.Outcome.Rip);
        }

        Assert.DoesNotContain("70000000-", Maps(program), StringComparison.Ordinal);
        Assert.Equal(Own(before), Own(Maps(program)));
    }

    [Theory]
    [InlineData(false, 0UL)]
    [InlineData(false, UserMachine.Data)]
    [InlineData(false, ulong.MaxValue)]
    [InlineData(true, StubLayout.Monitor)]
    [InlineData(true, 0UL)]
    public void AFrameElsewhereCostsTheProgramAlone(bool isShared, ulong place)
    {
        using StubProgram program = new();
        ulong vector = program.Run(a =>
        {
            // Gives the turn away as the stub does, with a frame of the program's own.
            a.mov(rax, isShared ? program.Shared + place : place);
            a.mov(__[rbx + StubLayout.Context], rax);
            HandOver(a, program);
        });
        Assert.Equal((ulong)ExceptionVector.GP, vector);
        Assert.Equal(1UL, program.Engine.Counters.Lost);
        Assert.Equal((ulong)ExceptionVector.UD, program.Run(static a => a.ud2()));
    }

    [Fact]
    public void WhoGivesTheTurnAwayStands()
    {
        // What comes behind that system call is the stub's code, whatever registers there are: no instruction of the program's runs until the monitor says so.
        using StubProgram program = new();
        Assert.Equal((ulong)ExceptionVector.GP, program.Run(a =>
        {
            a.mov(rax, 0x1_0000_0000UL);
            a.mov(__[rbx + StubLayout.Context], rax);
            a.mov(r12, UserMachine.Data);
            a.mov(r14, UserMachine.Data);
            HandOver(a, program);
        }));
        Assert.Equal(1UL, program.Engine.Counters.Lost);
    }

    [Fact]
    public void AProgramThatBlocksSignalsIsStopped()
    {
        using StubProgram program = new();
        using Timer timer = new(_ => program.Vcpu.Kick(), null, 300, 50);
        ulong vector = program.Run(a =>
        {
            // The frame of its own last stop, with another mask and a place that never ends, and a return from a handler.
            Label again = a.CreateLabel();
            a.mov(rdx, __[rbx + StubLayout.Context]);
            a.mov(rax, ulong.MaxValue);
            a.mov(__[rdx + SignalFrame.SignalMask], rax);
            a.lea(rax, __[again]);
            a.mov(__[rdx + SignalFrame.Registers + (16 * 8)], rax);
            a.mov(rsp, rdx);
            a.add(rbp, program.Code.Restorer);
            a.jmp(rbp);
            a.Label(ref again);
            a.jmp(again);
        });
        Assert.Equal((ulong)ExceptionVector.GP, vector);
        Assert.Equal(1UL, program.Engine.Counters.Lost);
    }

    [Fact]
    public void AStubThatIsKilledCostsItsProgramAlone()
    {
        using StubProgram program = new();
        int victim = program.Stub.Id;
        using Timer timer = new(_ => HostCalls.Kill(victim, HostCalls.SIGKILL), null, 200, Timeout.Infinite);
        Assert.Equal((ulong)ExceptionVector.GP, program.Run(static a =>
        {
            Label again = a.CreateLabel();
            a.Label(ref again);
            a.jmp(again);
        }));
        Assert.Equal(1UL, program.Engine.Counters.Lost);
        Assert.Equal((ulong)ExceptionVector.UD, program.Run(static a => a.ud2()));
    }

    [Fact]
    public void AStubThatEndsWhileItStandsCostsNothing()
    {
        using StubProgram program = new();
        int victim = program.Stub.Id;
        _ = HostCalls.Kill(victim, HostCalls.SIGKILL);
        Assert.Equal((ulong)ExceptionVector.UD, program.Run(static a =>
        {
            a.mov(eax, 77);
            a.ud2();
        }));
        Assert.Equal(77UL, program.Outcome.General(Gpr.Rax));
        Assert.Equal(0UL, program.Engine.Counters.Lost);
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
    public void AStubHasOnlyTheGuestsMemoryAndItsOwnAndEndsWithTheMachine()
    {
        int process;
        using (StubProgram program = new())
        {
            process = program.Stub.Id;
            string[] descriptors = [.. Directory.GetFiles($"/proc/{process}/fd").Select(static path => new FileInfo(path).LinkTarget!)];
            Assert.Equal(2, descriptors.Length);
            Assert.All(descriptors, static target => Assert.StartsWith("/memfd:", target, StringComparison.Ordinal));
            foreach (string line in Maps(program).Split('\n', StringSplitOptions.RemoveEmptyEntries))
                Assert.True(line.Contains("/memfd:", StringComparison.Ordinal) || line.Contains("[vsyscall]", StringComparison.Ordinal), line);
        }

        Assert.False(Directory.Exists($"/proc/{process}"));
    }

    [Fact]
    public void Int4AndBreakpointsAndStepsAreTheGuestsOwn()
    {
        using StubProgram program = new();
        Assert.Equal((ulong)ExceptionVector.OF, program.Run(static a => a.@int(4)));
        Assert.Equal(program.Start + 2, program.Outcome.Rip);
        Assert.Equal((ulong)ExceptionVector.BP, program.Run(static a =>
        {
            a.push(0x302);
            a.popfq();
            a.int3();
        }));
    }

    private static void HandOver(Assembler a, StubProgram program)
    {
        a.mov(edi, StubLayout.SharedDescriptor);
        a.lea(rsi, __[rbx + StubLayout.Nothing]);
        a.mov(edx, StubLayout.TurnBytes);
        a.mov(r10d, StubLayout.Turn);
        a.mov(eax, HostCalls.Pwrite64);
        a.add(rbp, program.Code.HandOver);
        a.jmp(rbp);
    }

    private static string Maps(StubProgram program) => File.ReadAllText($"/proc/{program.Stub.Id}/maps");

    /// <summary>The mappings of the stub's own pages.</summary>
    private static string Own(string maps) => string.Join("\n", maps.Split('\n').Where(static line => line.Contains("vitrine-", StringComparison.Ordinal)));
}
