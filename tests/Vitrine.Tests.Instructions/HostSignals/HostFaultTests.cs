using Iced.Intel;
using Vitrine.Accelerators.Software;
using Vitrine.Accelerators.Software.HostExecution;
using Vitrine.Accelerators.Translation;
using Vitrine.Tests.Software.Translator;
using Vitrine.X86;
using Vitrine.X86.Cpuid;
using Xunit;

namespace Vitrine.Tests.Software.HostSignals;

/// <summary>
/// A signal that emitted code raises ends the machine with an internal error that says where, and nothing else: the process, its other machines and .NET's own
/// use of the signals stay as they were.
/// </summary>
public sealed unsafe class HostFaultTests
{
    // SAFETY: reads the stub's entry while the vCPU waits in another block.
    private static int s_value = 0x5EED_0000;

    public HostFaultTests() => Assert.SkipUnless(SoftwareAccelerator.HostHasTranslator, "the host has no translator");

    public static TheoryData<string, int> Raised => [.. RaisingCode.All.Keys.SelectMany(name => new TheoryDataRow<string, int>[] { new(name, 64), new(name, 32) })];

    [Theory]
    [MemberData(nameof(Raised))]
    public void SignalInABlockIsAnInternalErrorWithThePlace(string name, int bitness)
    {
        RaisingCode raising = RaisingCode.All[name];
        uint value = (uint)Interlocked.Increment(ref s_value);
        using FlatGuest guest = new(a => BrokenGuest.Assemble(a, body => BrokenGuest.Moves(body, value)), bitness);
        byte[] first = BrokenGuest.FirstInstruction(value);
        VmEnd end = RunBroken(guest, () => new EmittedCode(Environment.ProcessId).Replace([.. first, .. first, .. first], raising.Bytes));

        // Each guest instruction is as long as its host code.
        ulong routine = FlatGuest.Entry + (ulong)guest.Code.AsSpan().IndexOf(first);
        ulong rip = routine + (ulong)(raising.FaultAt / first.Length * first.Length);
        HostFault fault = guest.Vcpu.HostFault!;
        Assert.Equal((VmEndReason.InternalError, null), (end.Reason, end.Error));
        Assert.Equal((raising.Signal, rip, Convert.ToHexStringLower(first)), (fault.Signal, fault.Rip, fault.Instruction?.Bytes));
        Assert.Equal((routine, $"the block at 0x{routine:x}"), (fault.Listing!.Rip, fault.Place));
        Assert.StartsWith(fault.HostInstruction.Bytes, Convert.ToHexStringLower(raising.Bytes[raising.FaultAt..]), StringComparison.Ordinal);
        Assert.Equal(rip, guest.Machine.ReadState(0).Rip);
        Assert.Contains($"{raising.Signal} in code that the software CPU made, for RIP 0x{rip:x}, {Convert.ToHexStringLower(first)}  mov eax", end.Report, StringComparison.Ordinal);
        Assert.Contains($"Instruction at linear address 0x{rip:x}: {Convert.ToHexStringLower(first)}", end.Report, StringComparison.Ordinal);
        Assert.Contains($"> {rip:x}  mov eax", end.Report, StringComparison.Ordinal);
        NullReferencesAreStillDotNets();
    }

    [Theory]
    [InlineData("ud2")]
    [InlineData("int3")]
    [InlineData("load from 0")]
    [InlineData("division by 0")]
    public void SignalInAStubIsAnInternalErrorAtTheInstruction(string name)
    {
        Assert.SkipUnless(CpuFeatures.Bmi1.IsIn(HostProcessor.Cpuid), "the host has no BMI1");
        RaisingCode raising = RaisingCode.All[name];

        // An operand in two pages is for the interpreter.
        Instruction andn = Instruction.Create(Code.VEX_Andn_r32_r32_rm32, Register.EAX, Register.ECX, new MemoryOperand(Register.RSI, 0xFFE));
        using FlatGuest guest = new(
            a => BrokenGuest.Assemble(a, body => body.AddInstruction(andn)), configure: config => config with { CpuModel = "host" });
        VmEnd end = RunBroken(guest, () =>
        {
            Assert.True(StubKey.TryCreate(in andn, out StubKey key));
            nint entry = (nint)guest.Vcpu.Host!.Stubs.Get(key)->Entry;

            // andn eax, ecx, [rdi]
            new EmittedCode(Environment.ProcessId, entry).Replace([0xC4, 0xE2, 0x70, 0xF2, 0x07], raising.Bytes);
        });
        HostFault fault = guest.Vcpu.HostFault!;
        Assert.Equal((VmEndReason.InternalError, raising.Signal), (end.Reason, fault.Signal));
        Assert.Equal(fault.Rip, guest.Machine.ReadState(0).Rip);
        Assert.StartsWith("andn eax,ecx", fault.Instruction!.Text, StringComparison.Ordinal);
        Assert.Contains("for the interpreter", end.Report, StringComparison.Ordinal);
        NullReferencesAreStillDotNets();
    }

    [Fact]
    public void SignalInCodeThatAllBlocksShareNamesTheBlockThatCalledIt()
    {
        uint value = (uint)Interlocked.Increment(ref s_value);
        using FlatGuest guest = new(a => BrokenGuest.Assemble(a, body => BrokenGuest.Moves(body, value)));
        VmEnd end = RunBroken(guest, () =>
        {
            // A loop's slots are filled anew, from a TLB that isn't there.
            guest.Vcpu.State->Tlb = null;
            guest.Vcpu.State->Slots = default;
        });
        Assert.Equal(VmEndReason.InternalError, end.Reason);
        HostFault fault = guest.Vcpu.HostFault!;
        Assert.Equal(("SIGSEGV", "the code that all blocks share"), (fault.Signal, fault.Place));
        Assert.Equal("cmp byte [0x200008],0", fault.Instruction?.Text);
    }

    [Fact]
    public void OtherMachinesOfTheProcessGoOn()
    {
        uint value = (uint)Interlocked.Increment(ref s_value);
        uint other = (uint)Interlocked.Increment(ref s_value);
        using FlatGuest broken = new(a => BrokenGuest.Assemble(a, body => BrokenGuest.Moves(body, value)));
        using FlatGuest sound = new(a => BrokenGuest.Assemble(a, body => BrokenGuest.Moves(body, other)));
        VmEnd soundEnd = RunBroken(sound, () =>
        {
            VmEnd end = RunBroken(broken, () => new EmittedCode(Environment.ProcessId).Replace(BrokenGuest.FirstInstruction(value), [0x0F, 0x0B]));
            Assert.Equal(VmEndReason.InternalError, end.Reason);
        });
        Assert.Equal(VmEndReason.DebugExit, soundEnd.Reason);
    }

    [Fact]
    public void ManyMachinesOneAfterAnotherAreEachGuarded()
    {
        // More than one chunk of the table holds at a time, and its places are used again.
        List<FlatGuest> guests = [];
        try
        {
            for (int i = 0; i < 70; i++) guests.Add(new FlatGuest(a => BrokenGuest.Assemble(a, body => BrokenGuest.Moves(body, 1)), configure: config => config with { MemoryBytes = 4 << 20 }));
            uint value = (uint)Interlocked.Increment(ref s_value);
            using FlatGuest last = new(a => BrokenGuest.Assemble(a, body => BrokenGuest.Moves(body, value)));
            VmEnd end = RunBroken(last, () => new EmittedCode(Environment.ProcessId).Replace(BrokenGuest.FirstInstruction(value), [0x0F, 0x0B]));
            Assert.Equal(VmEndReason.InternalError, end.Reason);
        }
        finally
        {
            guests.ForEach(guest => guest.Dispose());
        }
    }

    [Fact]
    public void LockstepEndsSoToo()
    {
        uint value = (uint)Interlocked.Increment(ref s_value);
        using FlatGuest guest = new(a => BrokenGuest.Assemble(a, body => BrokenGuest.Moves(body, value)), configure: config => config with { Software = config.Software with { Lockstep = true } });
        VmEnd end = RunBroken(guest, () => new EmittedCode(Environment.ProcessId).Replace(BrokenGuest.FirstInstruction(value), [0x0F, 0x0B]));
        Assert.Equal((VmEndReason.InternalError, "SIGILL"), (end.Reason, guest.Vcpu.HostFault?.Signal));
    }

    private static VmEnd RunBroken(FlatGuest guest, Action breakIt)
    {
        guest.Machine.Start();
        Span<byte> ready = [0];
        for (int i = 0; i < 60_000 && ready[0] == 0; i++)
        {
            Thread.Sleep(1);
            Assert.True(guest.Machine.Memory.TryRead(new Gpa(BrokenGuest.Ready), ready));
        }

        Assert.Equal(1, ready[0]);
        guest.Machine.Pause();
        breakIt();
        Assert.True(guest.Machine.Memory.TryWrite(new Gpa(BrokenGuest.Go), [1]));
        guest.Machine.Resume();
        return guest.Machine.Wait(TimeSpan.FromMinutes(2)) ?? throw new TimeoutException("The guest did not end.");
    }

    private static void NullReferencesAreStillDotNets()
    {
        string? nothing = Environment.GetEnvironmentVariable("A_NAME_THAT_NOBODY_HAS_GIVEN");
        Assert.Throws<NullReferenceException>(() => nothing!.Length);
        int zero = nothing is null ? 0 : 1;
        Assert.Throws<DivideByZeroException>(() => 1 / zero);
    }
}
