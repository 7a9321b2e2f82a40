using Iced.Intel;
using Vitrine.Accelerators.Software;
using Vitrine.Accelerators.Translation;
using Vitrine.Errors;
using Vitrine.Tests.Software.Translator;
using Vitrine.X86;
using Vitrine.X86.State;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Tests.Software.Lockstep;

/// <summary>
/// Lockstep agrees with a translator that is right, and stops at one that is made wrong, with the instruction, what it should have done, and the machine as it
/// was before the block.
/// </summary>
public sealed class LockstepTests
{
    private const ulong Pattern = 0x1122_3344_5566_7788;

    [Theory]
    [InlineData(64)]
    [InlineData(32)]
    public void AGuestThatIsTranslatedRightlyRunsToItsEnd(int bitness)
    {
        using FlatGuest guest = new(bitness == 64 ? Work64 : Work32, bitness, Lockstep);
        VmEnd end = guest.Run();
        Assert.True(end is { Reason: VmEndReason.DebugExit, Value: 7 }, end.Report);

        // The loop alone is 1000 blocks.
        Assert.InRange(guest.Machine.GetStatistics()!.Translation!.BlocksCompared, 1000u, ulong.MaxValue);
    }

    /// <summary>The flags of XOR are not kept for PUSH, behind which SUB overwrites them; the check that the stack's accesses share fails at the page's end.</summary>
    [Fact]
    public void FlagsThatAreOverwrittenDoNotCountWhereASharedCheckFails()
    {
        using FlatGuest guest = new(
            static a =>
            {
                Label again = a.CreateLabel();
                a.mov(ecx, 20);
                a.Label(ref again);
                a.mov(esp, (uint)FlatGuest.Data + 0xFF0);
                a.xor(esi, esi);
                a.push(rbx);
                a.push(rcx);
                a.sub(rsp, 0x18);
                a.mov(__qword_ptr[rsp + 0x10], rsi);
                a.dec(ecx);
                a.jne(again);
                FlatGuest.Exit(a, 7);
            },
            64,
            Lockstep);
        VmEnd end = guest.Run();
        Assert.True(end is { Reason: VmEndReason.DebugExit, Value: 7 }, end.Report);
    }

    /// <summary>A string of more elements than the interpreter moves in one go, at a page's end and in the middle of a block.</summary>
    [Fact]
    public void ALongStringGoesOnWhereItPaused()
    {
        const int Count = 200_000;
        using FlatGuest guest = new(
            static a =>
            {
                a.mov(rdi, FlatGuest.Data + 0xFF9);
                a.mov(rax, Pattern);
                a.mov(ecx, Count);
                a.rep.stosq();
                a.mov(rsi, FlatGuest.Data + 0xFF9);
                a.lea(rdi, __qword_ptr[rsi + 3]);
                a.mov(ecx, 99);
                a.rep.movsb();
                a.add(rdi, rcx);
                FlatGuest.Exit(a, 7);
            },
            64,
            Lockstep);
        VmEnd end = guest.Run();
        Assert.True(end is { Reason: VmEndReason.DebugExit, Value: 7 }, end.Report);
    }

    /// <summary>
    /// Where the manual leaves a result undefined both engines have the host's (SDM vol. 2, SHLD: "If the count is greater than the operand size, the result is
    /// undefined").
    /// </summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void AShiftBeyondItsOperandIsNoDifference(bool byRegister)
    {
        using FlatGuest guest = new(
            a =>
            {
                for (int i = 0; i < 16; i++)
                {
                    a.mov(eax, 0x1234 + (i * 0x0F31));
                    a.mov(ebx, 0x5678 - (i * 0x0123));
                    a.mov(ecx, 17 + (i % 15));
                    if (byRegister) a.shld(ax, bx, cl);
                    else a.shld(ax, bx, (byte)(17 + (i % 15)));
                    if (byRegister) a.shrd(bx, ax, cl);
                    else a.shrd(bx, ax, (byte)(17 + (i % 15)));
                }

                FlatGuest.Exit(a, 7);
            },
            configure: Lockstep);
        VmEnd end = guest.Run();
        Assert.True(end is { Reason: VmEndReason.DebugExit, Value: 7 }, end.Report);
    }

    [Fact]
    public void AWrongResultIsFoundAtItsInstruction()
    {
        // add rcx, rbx becomes sub rcx, rbx.
        LockstepDifference difference = RunCorrupted(
            a =>
            {
                a.mov(ecx, 5);
                a.mov(ebx, 3);
                a.mov(edx, 1);
                a.add(rcx, rbx);
                a.mov(esi, 2);
            },
            instruction: 15, from: [0x48, 0x01, 0xD9], to: [0x48, 0x29, 0xD9]);
        Assert.Equal(FlatGuest.Entry + 15, difference.SuspectRip);
        ValueDifference sum = Assert.Single(difference.Differences, value => value.Name == "RCX");
        Assert.Equal(("0000000000000002", "0000000000000008"), (sum.Translator, sum.Interpreter));
        Assert.DoesNotContain(difference.Differences, value => value.Name is "RBX" or "RDX" or "RSI");
    }

    [Fact]
    public void AStoreThatTheInterpreterDoesNotMakeIsFound()
    {
        // mov [rdi], al becomes mov [rdi], eax: three bytes more.
        LockstepDifference difference = RunCorrupted(
            a =>
            {
                a.mov(rax, Pattern);
                a.mov(edi, (uint)FlatGuest.Data);
                a.mov(__byte_ptr[rdi], al);
                a.mov(edx, 1);
            },
            instruction: 15, from: [0x41, 0x88], to: [0x41, 0x89]);
        Assert.Equal(FlatGuest.Entry + 15, difference.SuspectRip);
        Assert.Equal(
            [("[0x200001]", "00", "77", "00"), ("[0x200002]", "00", "66", "00"), ("[0x200003]", "00", "55", "00")],
            difference.Differences.Select(value => (value.Name, value.Before, value.Translator, value.Interpreter)));
    }

    [Fact]
    public void AStoreThatOnlyTheInterpreterMakesIsFound()
    {
        // mov [rdi], eax becomes cmp [rdi], eax: 89 and 39 have the same operands.
        LockstepDifference difference = RunCorrupted(
            a =>
            {
                a.mov(rax, Pattern);
                a.mov(edi, (uint)FlatGuest.Data);
                a.mov(__dword_ptr[rdi], eax);
                a.mov(edx, 1);
            },
            instruction: 15, from: [0x41, 0x89, 0x04, 0x3F], to: [0x41, 0x39, 0x04, 0x3F]);
        Assert.Equal(FlatGuest.Entry + 15, difference.SuspectRip);
        Assert.Equal(["[0x200000]", "[0x200001]", "[0x200002]", "[0x200003]"], difference.Differences.Select(value => value.Name));
        Assert.Equal(["88", "77", "66", "55"], difference.Differences.Select(value => value.Interpreter));
    }

    [Fact]
    public void ABranchThatGoesElsewhereIsFound()
    {
        LockstepDifference difference = RunCorrupted(
            a =>
            {
                Label other = a.CreateLabel();
                a.xor(eax, eax);
                a.je(other);
                a.mov(edx, 1);
                a.Label(ref other);
                a.mov(edx, 2);
            },
            instruction: 2, from: [0x0F, 0x84], to: [0x0F, 0x85]);
        Assert.Equal(FlatGuest.Entry + 2, difference.SuspectRip);
        Assert.Equal([FlatGuest.Entry, FlatGuest.Entry + 2, FlatGuest.Entry + 9], difference.InterpreterPath);
        Assert.Empty(difference.Differences);
        Assert.Contains("never came", LockstepDifferenceText.Of(difference), StringComparison.Ordinal);
    }

    [Fact]
    public void AWrongFlagIsFoundUnlessTheManualLeavesItOpen()
    {
        // test eax, eax becomes and eax, ecx: the result is the same, and so are the flags that are defined (AF is not).
        using FlatGuest same = new(
            a =>
            {
                a.mov(eax, 3);
                a.mov(ecx, 3);
                a.test(eax, eax);
                FlatGuest.Exit(a);
            },
            configure: Lockstep);
        same.Vcpu.TranslatorEngine!.Translator.Sink = new CodeCorruption(10, [0x85, 0xC0], [0x21, 0xC8]);
        Assert.Equal(VmEndReason.DebugExit, same.Run().Reason);

        // cmp eax, ecx becomes cmp ecx, eax: carry and sign.
        LockstepDifference difference = RunCorrupted(
            a =>
            {
                a.mov(eax, 3);
                a.mov(ecx, 5);
                a.cmp(eax, ecx);
                a.cpuid();
            },
            instruction: 10, from: [0x39, 0xC8], to: [0x39, 0xC1]);
        Assert.Equal(FlatGuest.Entry + 10, difference.SuspectRip);
        Assert.Equal("RFLAGS", Assert.Single(difference.Differences).Name);
    }

    [Fact]
    public void TheMachineStandsBeforeTheBlockAndItsWritesAreUndone()
    {
        using FlatGuest guest = new(
            a =>
            {
                // The page is in the TLB then: a block is cut before what needs a walk.
                a.mov(edi, (uint)FlatGuest.Data);
                a.mov(__dword_ptr[rdi], 0);
                a.mov(ecx, 5);
                a.cpuid();
                a.mov(ecx, 7);
                a.mov(__dword_ptr[rdi], 0x1234);
                a.add(ecx, 2);
                FlatGuest.Exit(a);
            },
            configure: Lockstep);
        guest.Vcpu.TranslatorEngine!.Translator.Sink = new CodeCorruption(29, [0x83, 0xC1], [0x83, 0xC2]);
        VmEnd end = guest.Run();
        Assert.Equal(VmEndReason.EnginesDiffer, end.Reason);
        ProcessorState state = guest.Machine.ReadState(0);
        Assert.Equal(FlatGuest.Entry + 18, state.Rip);
        byte[] written = new byte[4];
        Assert.True(guest.Machine.Memory.TryRead(new Gpa(FlatGuest.Data), written));
        Assert.Equal([0, 0, 0, 0], written);

        // The report says all of it: what differs, which instruction, the code of both.
        Assert.Contains("Probably wrong is the instruction at 0x10001d", end.Report, StringComparison.Ordinal);
        Assert.Contains("> 10001d  add ecx,2", end.Report, StringComparison.Ordinal);
        Assert.Contains("mov dword [rdi],0x1234", end.Report, StringComparison.Ordinal);
    }

    [Fact]
    public void LockstepNeedsBothEnginesAndOneProcessor()
    {
        MachineConfig config = Lockstep(new MachineConfig { Boot = new Vitrine.Boot.BootSource.Firmware("x"), Accelerator = AcceleratorChoice.Kvm });
        Assert.Contains("KVM", Assert.Throws<VitrineException>(config.Check).What, StringComparison.Ordinal);
        config = config with { Accelerator = AcceleratorChoice.Soft, Software = config.Software with { Engine = SoftwareEngine.Interpreter } };
        Assert.Contains("interpreter", Assert.Throws<VitrineException>(config.Check).What, StringComparison.Ordinal);
        SoftwareOptions options = new() { Engine = SoftwareEngine.Translator, Lockstep = true };
        Assert.Contains("2 CPUs", Assert.Throws<VitrineException>(() => SoftwareAccelerator.Create(options, vcpus: 2)).What, StringComparison.Ordinal);
    }

    private static MachineConfig Lockstep(MachineConfig config) => config with { Software = config.Software with { Lockstep = true } };

    private static LockstepDifference RunCorrupted(Action<Assembler> code, int instruction, byte[] from, byte[] to)
    {
        using FlatGuest guest = new(
            a =>
            {
                code(a);
                FlatGuest.Exit(a);
            },
            configure: Lockstep);
        CodeCorruption corruption = new(instruction, from, to);
        guest.Vcpu.TranslatorEngine!.Translator.Sink = corruption;
        VmEnd end = guest.Run();
        Assert.True(corruption.Found > 0, "the host code has no such bytes");
        Assert.True(end.Reason == VmEndReason.EnginesDiffer, end.Report);
        return guest.Vcpu.LockstepDifference!;
    }

    private static void Work64(Assembler a)
    {
        Label again = a.CreateLabel();
        Label function = a.CreateLabel();
        Label end = a.CreateLabel();
        a.mov(ecx, 1000);
        a.mov(edi, (uint)FlatGuest.Data);
        a.Label(ref again);
        a.mov(eax, ecx);
        a.mul(ecx);
        a.mov(__[rdi + (rcx * 8)], rax);
        a.add(__dword_ptr[rdi + (rcx * 4)], edx);
        a.@lock.xadd(__qword_ptr[rdi + (rcx * 8)], r11);
        a.xchg(__dword_ptr[rdi + (rcx * 8)], ebx);
        a.xor(eax, eax);
        a.@lock.cmpxchg(__qword_ptr[rdi + (rcx * 8) + 0x8000], r11);
        a.@lock.cmpxchg(__qword_ptr[rdi + (rcx * 8) + 0x8000], rdx);
        a.push(rax);
        a.call(function);
        a.pop(r10);
        a.xor(r10, r15);
        a.cqo();
        a.idiv(rcx);
        a.dec(ecx);
        a.jne(again);
        a.jmp(end);
        a.Label(ref function);
        a.rol(r11, 3);
        a.adc(r11, r10);
        a.ret();
        a.Label(ref end);
        FlatGuest.Exit(a, 7);
    }

    private static void Work32(Assembler a)
    {
        Label again = a.CreateLabel();
        Label function = a.CreateLabel();
        Label end = a.CreateLabel();
        a.mov(ecx, 1000);
        a.mov(edi, (uint)FlatGuest.Data);
        a.Label(ref again);
        a.mov(eax, ecx);
        a.mul(ecx);
        a.mov(__[edi + (ecx * 8)], eax);
        a.add(__dword_ptr[edi + (ecx * 4)], edx);
        a.@lock.add(__dword_ptr[edi + (ecx * 8)], esi);
        a.push(eax);
        a.call(function);
        a.pop(ebx);
        a.dec(ecx);
        a.jne(again);
        a.jmp(end);
        a.Label(ref function);
        a.rol(esi, 3);
        a.adc(esi, ebx);
        a.ret();
        a.Label(ref end);
        FlatGuest.Exit(a, 7);
    }
}
