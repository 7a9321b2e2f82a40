using Vitrine.Accelerators.Mmu;
using Vitrine.Accelerators.Software;
using Vitrine.Explain;
using Vitrine.Explain.Model;
using Vitrine.Explain.Text;
using Vitrine.Kvm.Abi;
using Vitrine.KvmServer;
using Vitrine.Tests.KvmServer.Client;
using Xunit;

namespace Vitrine.Tests.KvmServer;

/// <summary>The story of a served client's first instructions: what it called, put and ran is known to the test.</summary>
public sealed class ServedStoryTests
{
    [Fact]
    public void TheFirstInstructionIsToldFromTheCallsToWhatItDid()
    {
        List<Story> told = [];
        ServedStoryRecorder recorder = new(1, "max", symbols: null, told.Add);

        // mov al, 'A'; out 0xE9, al; hlt
        using KvmClient client = Start([0xB0, 0x41, 0xE6, 0xE9, 0xF4], recorder);
        Assert.Equal(KvmExit.KVM_EXIT_IO, client.RunToExit(client.Vcpu));
        Story story = Assert.Single(told);
        Assert.Equal(
            ["KVM_CREATE_VM", "KVM_SET_USER_MEMORY_REGION", "KVM_CREATE_VCPU", "KVM_GET_SREGS", "KVM_SET_SREGS", "KVM_SET_REGS", "KVM_RUN"],
            story.Creation.Calls.Select(call => call.Name));
        Assert.All(story.Creation.Calls, call => Assert.NotNull(call.Begun));
        Assert.Equal("has not returned yet", story.Creation.Calls[^1].Result);
        Assert.Equal(1UL << 20, story.Machine.MemoryBytes);
        SlotFact slot = Assert.Single(story.Machine.Slots);
        Assert.Equal((0UL, 1UL << 20), (slot.Start, slot.Size));

        // Only what differs from RESET's state has been changed.
        ClientPutFact put = Assert.Single(story.State.ClientPuts);
        Assert.Equal([5, 6], put.Calls.Select(call => call.Call));
        Assert.Equal(["CS", "CS.base"], put.Calls[0].Changes.Select(change => change.Name).Order(StringComparer.Ordinal));
        Assert.Contains(put.Calls[1].Changes, change => change is { Name: "RIP", Before: "0xfff0", After: "0x1000" });
        Assert.Contains(story.State.Registers, register => register is { Name: "RIP", Value: "0x1000" });

        InstructionStory first = Assert.Single(story.Instructions);
        Assert.Equal(("b041", "mov al,0x41"), (first.Fetch.Bytes, first.Fetch.Instruction));
        Assert.Equal(0x1000UL, first.Fetch.Translation!.Gpa);
        Assert.Contains(first.Execution!.Registers, change => change is { Name: "RAX", After: "0x41" });
        Assert.Equal(("instructions", 1UL), (story.End.Reason, story.End.InstructionsExecuted));

        // The client goes on as if nobody had looked.
        Assert.Equal(0x41, client.PortData(client.Vcpu)[0]);
        Assert.Equal(KvmExit.KVM_EXIT_HLT, client.RunToExit(client.Vcpu));
        Assert.Single(told);
    }

    [Theory]
    [InlineData(MmuMode.Shadow)]
    [InlineData(MmuMode.TwoDimensional)]
    public void TheMmuIsObserved(MmuMode mode)
    {
        Story? story = null;
        ServedStoryRecorder recorder = new(1, "max", symbols: null, told => story = told);
        using KvmClient client = Start([0xF4], recorder, new SoftwareOptions { Mmu = mode });
        Assert.Equal(KvmExit.KVM_EXIT_HLT, client.RunToExit(client.Vcpu));
        MmuStory mmu = story!.Instructions[0].Fetch.Translation!.Mmu!;
        Assert.Equal(Evidence.Observed, mmu.Evidence);
        if (mode == MmuMode.Shadow)
        {
            Assert.DoesNotContain(mmu.Shadow, step => step.Present && step.Level == 1);
            Assert.Equal(story.Machine.Slots[0].HostVirtual + 0x1000, mmu.ShadowAfter[^1].Entry & ~0xFFFUL);
        }
        else
        {
            Assert.False(mmu.TwoDimensional[^1].Present);
            Assert.True(mmu.TwoDimensionalAfter[^1].Present);
        }

        Assert.NotEmpty(mmu.Counters);
    }

    [Fact]
    public void AnInstructionThatLeavesForTheClientIsToldWhenItIsDone()
    {
        List<Story> told = [];
        ServedStoryRecorder recorder = new(2, "max", symbols: null, told.Add);

        // in al, 0x42; out 0xE9, al; hlt
        using KvmClient client = Start([0xE4, 0x42, 0xE6, 0xE9, 0xF4], recorder);
        Assert.Equal(KvmExit.KVM_EXIT_IO, client.RunToExit(client.Vcpu));
        client.PortData(client.Vcpu)[0] = 0x5A;
        Assert.Equal(KvmExit.KVM_EXIT_IO, client.RunToExit(client.Vcpu));
        Assert.Empty(told);
        Assert.Equal(KvmExit.KVM_EXIT_HLT, client.RunToExit(client.Vcpu));
        Story story = Assert.Single(told);
        Assert.Equal(["in al,0x42", "out 0xe9,al"], story.Instructions.Select(instruction => instruction.Fetch.Instruction));
        ExitFact exit = Assert.Single(story.Instructions[0].Execution!.Exits);
        Assert.Equal("PortIo: in 1 byte from port 0x42", exit.Reason);
        Assert.Contains("the client", exit.Handler, StringComparison.Ordinal);
        Assert.Contains(story.Instructions[0].Execution!.Registers, change => change is { Name: "RAX", After: "0x5a" });
        Assert.Equal("KVM_EXIT_IO (in 1 byte from port 0x42)", story.Creation.Calls.First(call => call.Name == "KVM_RUN").Result);
    }

    /// <summary>A second processor comes to its first instruction by a start-up IPI of the first one's.</summary>
    [Fact]
    public void AnotherVcpuIsToldFromItsStartUpOn()
    {
        List<Story> told = [];
        ServedStoryRecorder recorder = new(1, "max", symbols: null, story =>
        {
            lock (told) told.Add(story);
        });
        using KvmClient client = new(new KvmHostOptions { Observer = recorder, Watcher = recorder });
        client.AddMemory();
        Assert.Equal(0, client.Host.Ioctl(client.Vm, KvmIoctl.KVM_CREATE_IRQCHIP, 0));
        int first = client.AddVcpu(0);
        int second = client.AddVcpu(1);

        // mov dword [0xFEE00310], 1 << 24; mov dword [0xFEE00300], 0x4500 (INIT); mov dword [0xFEE00300], 0x4602 (start-up at 0x2000); hlt
        byte[] sender =
        [
            0xC7, 0x05, 0x10, 0x03, 0xE0, 0xFE, 0x00, 0x00, 0x00, 0x01, 0xC7, 0x05, 0x00, 0x03, 0xE0, 0xFE, 0x00, 0x45, 0x00, 0x00,
            0xC7, 0x05, 0x00, 0x03, 0xE0, 0xFE, 0x02, 0x46, 0x00, 0x00, 0xF4,
        ];
        sender.CopyTo(client.Bytes[0x1000..]);

        // mov al, 'B'; out 0xE9, al
        byte[] started = [0xB0, 0x42, 0xE6, 0xE9];
        started.CopyTo(client.Bytes[0x2000..]);
        kvm_sregs sregs = client.Get<kvm_sregs>(first, KvmIoctl.KVM_GET_SREGS);
        kvm_segment flat = new() { limit = uint.MaxValue, selector = 8, type = 0xB, s = 1, present = 1, db = 1, g = 1 };
        sregs.cs = flat;
        flat.type = 3;
        (sregs.ds, sregs.es, sregs.ss) = (flat, flat, flat);
        sregs.cr0 |= 1;
        Assert.Equal(0, client.Set(first, KvmIoctl.KVM_SET_SREGS, sregs));
        Assert.Equal(0, client.Set(first, KvmIoctl.KVM_SET_REGS, new kvm_regs { rip = 0x1000, rflags = 2 }));

        Thread runner = new(() => client.Run(first));
        runner.Start();
        Assert.Equal(KvmExit.KVM_EXIT_IO, client.RunToExit(second));
        client.Host.Interrupt(first);
        runner.Join();

        Story story;
        lock (told) story = told[^1];
        VcpuStory other = Assert.Single(story.OtherVcpus);
        Assert.Equal(1, other.Vcpu);
        InstructionStory instruction = Assert.Single(other.Instructions);
        Assert.Equal("mov al,0x42", instruction.Fetch.Instruction);
        Assert.Equal((0x200UL, 0UL, 0x2000UL), (instruction.Fetch.Segment.Selector, instruction.Fetch.Segment.Rip, instruction.Fetch.Segment.Linear));
        Assert.Contains(other.State.Registers, register => register is { Name: "RIP", Value: "0x0" });
        Assert.Equal("instructions", other.End.Reason);
        StringWriter text = new();
        StoryText.Write(story, text, colour: false);
        Assert.Contains("vCPU 1, 4. Fetch of instruction 1", text.ToString(), StringComparison.Ordinal);
    }

    /// <summary>A client that ends, or is asked, before it has come so far.</summary>
    [Fact]
    public void TheEndOfTheClientEndsTheStory()
    {
        List<Story> told = [];
        ServedStoryRecorder recorder = new(5, "max", symbols: null, told.Add);
        using KvmClient client = Start([0xE4, 0x42, 0xF4], recorder);
        Assert.Equal(KvmExit.KVM_EXIT_IO, client.RunToExit(client.Vcpu));
        recorder.End();
        recorder.End();
        Story story = Assert.Single(told);
        Assert.Equal("client", story.End.Reason);
        Assert.Equal("It was not finished before the client ended.", Assert.Single(story.Instructions).Execution!.Outcome);
    }

    [Fact]
    public void AClientWithoutVcpusHasAStoryOfItsCalls()
    {
        Story? story = null;
        ServedStoryRecorder recorder = new(1, "max", symbols: null, told => story = told);
        using (KvmHost host = new(new KvmHostOptions { Observer = recorder, Watcher = recorder }))
        {
            int system = host.Open();
            Assert.Equal(KvmConstants.KVM_API_VERSION, host.Ioctl(system, KvmIoctl.KVM_GET_API_VERSION, 0));
            host.Close(system);
            recorder.End();
        }

        Assert.Equal(["KVM_GET_API_VERSION"], story!.Creation.Calls.Select(call => call.Name));
        Assert.Empty(story.Instructions);
        StringWriter text = new();
        StoryText.Write(story, text, colour: false);
        Assert.Contains("The client has made no vCPU.", text.ToString(), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("story.txt", "1. Creation: the calls of the client")]
    [InlineData("story.html", "<!DOCTYPE html>")]
    [InlineData("story.json", "\"schema\": \"vitrine.story/1\"")]
    public void TheFilesNameSaysTheForm(string name, string expected)
    {
        string folder = Directory.CreateTempSubdirectory().FullName;
        try
        {
            string path = Path.Combine(folder, name);
            ServedStoryRecorder recorder = new(1, "max", symbols: null, story => StoryFile.Write(story, path));
            using KvmClient client = Start([0xF4], recorder);
            Assert.Equal(KvmExit.KVM_EXIT_HLT, client.RunToExit(client.Vcpu));
            Assert.Contains(expected, File.ReadAllText(path), StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static KvmClient Start(ReadOnlySpan<byte> code, ServedStoryRecorder recorder, SoftwareOptions? cpu = null) =>
        KvmClient.WithRealModeCode(code, new KvmHostOptions { Observer = recorder, Watcher = recorder, Cpu = cpu ?? new SoftwareOptions() });
}
