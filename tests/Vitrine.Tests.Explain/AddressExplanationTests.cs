using Vitrine.Boot;
using Vitrine.Explain;
using Vitrine.Explain.Model;
using Vitrine.X86;
using Vitrine.X86.Paging;
using Vitrine.X86.Registers;
using Vitrine.X86.State;
using Xunit;

namespace Vitrine.Tests.Explain;

/// <summary>
/// What machine.Explain tells of addresses of a guest in 64-bit mode, whose first 4 GiB are identity-mapped with 2-MiB supervisor pages by tables at 0x90000
/// (see FlatMode.Long). Expected values are the manual's (SDM vol. 3, 4.5 and 4.7).
/// </summary>
public sealed class AddressExplanationTests : IDisposable
{
    private const ulong DirectoryOfFirstGigabyte = 0x9_2000;
    private readonly VirtualMachine _machine = VirtualMachine.Create(new MachineConfig
    {
        Boot = new BootSource.FlatBytes(new byte[] { 0xF4 }, new Gpa(0x10_0000), 0x10_0000, FlatMode.Long),
        MemoryBytes = 16 << 20,
        Accelerator = AcceleratorChoice.Soft,
    });

    [Fact]
    public void AMappedAddressIsFollowedToHostMemory()
    {
        TranslationStory story = _machine.Explain(new Gva(0x60_1234));
        Assert.Equal(["PML4E", "PDPTE", "PDE"], story.Walk.Select(entry => entry.Name));
        Assert.Equal([0, 0, 3], story.Walk.Select(entry => entry.Index));
        Assert.Equal([0x9_0000ul, 0x9_1000ul, DirectoryOfFirstGigabyte + 24], story.Walk.Select(entry => entry.Address));
        Assert.Equal(2u << 20, story.PageSize);
        Assert.Equal(0x60_1234u, story.Gpa);
        Assert.Equal("ram-low", story.Slot!.Name);
        Assert.Equal(story.Slot.HostVirtual + 0x60_1234, story.Host!.HostVirtual);
        Assert.Null(story.PageFaultErrorCode);
    }

    [Theory]
    [InlineData(PageAccess.Read, 0x0)]
    [InlineData(PageAccess.Write, 0x2)]
    [InlineData(PageAccess.Read | PageAccess.User, 0x4)]
    [InlineData(PageAccess.Write | PageAccess.User, 0x6)]
    public void AnAddressThatIsNotMappedEndsAtTheLevelThatStopsIt(PageAccess access, uint errorCode)
    {
        TranslationStory story = _machine.Explain(new Gva(0x1_4000_0000), access);
        Assert.Equal(["PML4E", "PDPTE"], story.Walk.Select(entry => entry.Name));
        Assert.Equal(5, story.Walk[^1].Index);
        Assert.Equal(errorCode, story.PageFaultErrorCode);
        Assert.Null(story.Gpa);
        Assert.Null(story.Slot);
    }

    [Fact]
    public void AUserAccessToASupervisorPageIsAProtectionFault()
    {
        TranslationStory story = _machine.Explain(new Gva(0x1000), PageAccess.Read | PageAccess.User);
        Assert.Equal(0x5u, story.PageFaultErrorCode);
        Assert.Contains("U/S", story.Outcome, StringComparison.Ordinal);
    }

    /// <summary>The key of the entry that maps the page, and which of its bits in which register forbids the access (SDM vol. 3, 4.6.2 and 4.7).</summary>
    [Theory]
    [InlineData(PageAccess.Read | PageAccess.User, true, 1u, 0x25u, "protection key 5, whose AD bit is set in PKRU")]
    [InlineData(PageAccess.Write | PageAccess.User, true, 2u, 0x27u, "protection key 5, whose WD bit is set in PKRU")]
    [InlineData(PageAccess.Read, false, 1u, 0x21u, "protection key 5, whose AD bit is set in IA32_PKRS")]
    [InlineData(PageAccess.Read | PageAccess.User, true, 2u, null, "user, executable, key 5")]
    [InlineData(PageAccess.Read | PageAccess.User, false, 0u, 0x5u, "U/S")]
    public void AProtectionKeyThatForbidsIsNamed(PageAccess access, bool userPage, uint bits, uint? errorCode, string text)
    {
        const ulong Key = 5UL << 59;
        Span<byte> entry = stackalloc byte[8];
        foreach ((ulong at, ulong flags) in ((ulong, ulong)[])[(0x9_0000, 4), (0x9_1000, 4), (DirectoryOfFirstGigabyte + 24, Key | (userPage ? 4u : 0))])
        {
            Assert.True(_machine.Memory.TryRead(new Gpa(at), entry));
            BitConverter.TryWriteBytes(entry, BitConverter.ToUInt64(entry) | flags);
            Assert.True(_machine.Memory.TryWrite(new Gpa(at), entry));
        }

        ProcessorState state = _machine.GetState(0);
        state.Cr4 |= Cr4.PKE | Cr4.PKS;
        state.Pkru = userPage ? bits << 10 : 0;
        state.Msrs[Msr.IA32_PKRS] = userPage ? 0 : bits << 10;
        TranslationStory story = _machine.Explain(new Gva(0x60_1234), access);
        Assert.Equal(errorCode, story.PageFaultErrorCode);
        Assert.Contains(text, story.Outcome, StringComparison.Ordinal);
        Assert.Contains("key 5", story.Walk[^1].Bits);
        Assert.DoesNotContain("key 0", story.Walk[0].Bits);
    }

    /// <summary>Bits 62:48 of a pointer are metadata with CR3.LAM_U48, for data (SDM vol. 3, 4.4).</summary>
    [Theory]
    [InlineData(PageAccess.Read, 0x60_1234UL)]
    [InlineData(PageAccess.Fetch, null)]
    public void APointerWithMetadataIsMasked(PageAccess access, ulong? gpa)
    {
        _machine.GetState(0).Cr3 |= Cr3.LAM_U48;
        TranslationStory story = _machine.Explain(new Gva(0x60_1234 | (0x55UL << 48)), access);
        Assert.Equal(gpa, story.Gpa);
        Assert.Contains(gpa is null ? "not canonical" : "masking makes 0x601234 of it", gpa is null ? story.Outcome : story.Access, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0x0000_8000_0000_0000)]
    [InlineData(0xFFFF_7FFF_FFFF_FFFF)]
    public void AnAddressThatIsNotCanonicalIsNotWalked(ulong address)
    {
        TranslationStory story = _machine.Explain(new Gva(address));
        Assert.Empty(story.Walk);
        Assert.Null(story.Gpa);
        Assert.Contains("#GP(0)", story.Outcome, StringComparison.Ordinal);
    }

    [Fact]
    public void AMappedAddressWithoutMemoryHasNoSlot()
    {
        TranslationStory story = _machine.Explain(new Gva(0xFED0_0000));
        Assert.Equal(0xFED0_0000u, story.Gpa);
        Assert.Null(story.Slot);
        Assert.Null(story.Host);
    }

    [Fact]
    public void ARootWhereNoMemoryIsReadsAsAllOnesAndHasReservedBitsSet()
    {
        _machine.GetState(0).Cr3 = 0x20_0000_0000;
        TranslationStory story = _machine.Explain(new Gva(0x1000));
        WalkEntry entry = Assert.Single(story.Walk);
        Assert.False(entry.InMemory);
        Assert.Equal(ulong.MaxValue, entry.Value);
        Assert.Equal(0x9u, story.PageFaultErrorCode);
        Assert.Contains("no memory slot", story.Cr3Use, StringComparison.Ordinal);
    }

    [Fact]
    public void LookingLeavesAccessedAndDirtyBitsAndCountersAsTheyAre()
    {
        byte[] before = Tables();
        var counters = _machine.GetMmu(0)!.Counters;
        _machine.Explain(new Gva(0x60_0000), PageAccess.Write);
        _machine.Explain(new Gva(0x60_0000), PageAccess.Fetch);
        Assert.Equal(before, Tables());
        Assert.Equal(counters, _machine.GetMmu(0)!.Counters);
    }

    [Fact]
    public void AnEntryWithAReservedBitIsNamed()
    {
        Span<byte> entry = stackalloc byte[8];

        // Bit 13 of a PDE that maps a 2-MiB page (SDM vol. 3, table 4-18).
        BitConverter.TryWriteBytes(entry, 0x20_0083UL | (1 << 13));
        Assert.True(_machine.Memory.TryWrite(new Gpa(DirectoryOfFirstGigabyte + 8), entry));
        TranslationStory story = _machine.Explain(new Gva(0x20_0000));
        Assert.Equal(0x9u, story.PageFaultErrorCode);
        Assert.Contains("13", story.Walk[^1].Decision, StringComparison.Ordinal);
    }

    [Fact]
    public void AMachineThatRunsIsNotExplained()
    {
        using VirtualMachine running = VirtualMachine.Create(new MachineConfig
        {
            Boot = new BootSource.FlatBytes(new byte[] { 0xEB, 0xFE }, new Gpa(0x10_0000), 0x10_0000, FlatMode.Long),
            MemoryBytes = 16 << 20,
            Accelerator = AcceleratorChoice.Soft,
        });
        running.Start();
        Assert.Throws<InvalidOperationException>(() => running.Explain(new Gva(0)));
        running.Pause();
        Assert.Equal(0u, running.Explain(new Gva(0)).Gpa);
    }

    public void Dispose() => _machine.Dispose();

    private byte[] Tables()
    {
        byte[] tables = new byte[6 * 0x1000];
        Assert.True(_machine.Memory.TryRead(new Gpa(0x9_0000), tables));
        return tables;
    }
}
