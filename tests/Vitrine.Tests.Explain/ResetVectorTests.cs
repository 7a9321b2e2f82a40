using Vitrine.Boot;
using Vitrine.Explain;
using Vitrine.Explain.Model;
using Vitrine.Tests.Guests;
using Xunit;

namespace Vitrine.Tests.Explain;

/// <summary>
/// The fetch of a firmware's first two instructions, told on every accelerator there is: the way must be the same, step by step, and the one that
/// QEMU's trace shows for this image.
/// </summary>
public sealed class ResetVectorTests
{
    private const string SeaBios = "/usr/share/seabios/bios-256k.bin";

    [Theory]
    [InlineData(AcceleratorChoice.Soft)]
    [InlineData(AcceleratorChoice.Kvm)]
    public void TheFirstInstructionComesFromTheResetVectorAndTheSecondThroughTheAlias(AcceleratorChoice accelerator)
    {
        Story story = Tell(accelerator);
        FetchStory first = story.Instructions[0].Fetch;
        Assert.Equal("real mode", first.Segment.Mode);
        Assert.Equal(0xF000, first.Segment.Selector);
        Assert.Equal(0xFFFF_0000u, first.Segment.Base);
        Assert.Equal(0xFFF0u, first.Segment.Rip);
        Assert.Equal(0xFFFF_FFF0u, first.Segment.Linear);
        Assert.Empty(first.Translation!.Walk);
        Assert.Equal(0xFFFF_FFF0u, first.Translation.Gpa);
        Assert.Equal("firmware", first.Translation.Slot!.Name);
        Assert.Equal(0xFFFC_0000u, first.Translation.Slot.Start);
        Assert.Equal("ea5be000f0", first.Bytes);

        FetchStory second = story.Instructions[1].Fetch;
        Assert.Equal(0xF_0000u, second.Segment.Base);
        Assert.Equal(0xE05Bu, second.Segment.Rip);
        Assert.Equal(0xF_E05Bu, second.Translation!.Gpa);
        Assert.Equal("firmware-low", second.Translation.Slot!.Name);

        // Same host memory, seen at two guest-physical addresses.
        SlotFact high = first.Translation.Slot;
        SlotFact low = second.Translation.Slot;
        Assert.Equal(high.HostVirtual + high.Size - low.Size, low.HostVirtual);
    }

    [Fact]
    public void TheSoftwareCpuAndKvmTellTheSameFetches()
    {
        Story soft = Tell(AcceleratorChoice.Soft);
        Story kvm = Tell(AcceleratorChoice.Kvm);
        Assert.Equal(soft.Instructions.Select(Steps), kvm.Instructions.Select(Steps));
        Assert.All(kvm.Instructions, instruction => Assert.True(instruction.Fetch.Translation!.Kvm!.Agrees));

        static string Steps(InstructionStory instruction)
        {
            FetchStory fetch = instruction.Fetch;
            SlotFact slot = fetch.Translation!.Slot!;
            return $"{fetch.Segment.Selector:x}:{fetch.Segment.Rip:x} base {fetch.Segment.Base:x} limit {fetch.Segment.Limit:x} -> {fetch.Segment.Linear:x}; " +
                $"{fetch.Translation.PagingMode} -> {fetch.Translation.Gpa:x} in {slot.Id} {slot.Name} {slot.Start:x}+{slot.Size:x} {slot.ReadOnly}; " +
                $"{fetch.Bytes} {fetch.Instruction}; {instruction.Execution!.Outcome}";
        }
    }

    private static Story Tell(AcceleratorChoice accelerator)
    {
        PresentAccelerators.SkipUnlessPresent(accelerator);
        Assert.SkipUnless(File.Exists(SeaBios), "SeaBIOS is not installed (Debian package seabios)");
        MachineConfig config = new() { Boot = new BootSource.Firmware(SeaBios), MemoryBytes = 16 << 20, Accelerator = accelerator };
        return StoryTeller.Tell(config, new StoryRequest { Instructions = 4, Timeout = TimeSpan.FromMinutes(1) });
    }
}
