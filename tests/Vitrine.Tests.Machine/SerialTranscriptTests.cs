using System.Text;
using Vitrine.Boot;
using Vitrine.Run;
using Vitrine.X86;
using Xunit;

namespace Vitrine.Tests.Machine;

public sealed class SerialTranscriptTests
{
    [Theory]
    [InlineData("login: ", "login: ")]
    [InlineData("login: ", "Debian\nlog", "in: ")]
    [InlineData("login: ", "l", "o", "g", "i", "n", ":", " ")]
    [InlineData("aab", "aaab")]
    [InlineData("aab", "a", "a", "a", "b")]
    public void ATextIsFoundHoweverItIsCut(string text, params string[] parts)
    {
        SerialTranscript early = new();
        SerialTranscript late = new();
        Task<bool> waiting = Wait(early, text);
        Assert.False(waiting.IsCompleted);
        foreach (string part in parts)
        {
            early.Append(Encoding.ASCII.GetBytes(part));
            late.Append(Encoding.ASCII.GetBytes(part));
        }

        Assert.True(Ends(waiting));
        Assert.True(Ends(Wait(late, text)));
    }

    [Fact]
    public void WhatWasWaitedForDoesNotCountAgain()
    {
        SerialTranscript transcript = new();
        transcript.Append("# ls\n# "u8);
        Assert.True(Ends(Wait(transcript, "# ")));
        Assert.True(Ends(Wait(transcript, "# ")));
        Task<bool> third = Wait(transcript, "# ");
        Assert.False(third.IsCompleted);
        transcript.Append("#"u8);
        Assert.False(third.IsCompleted);
        transcript.Append(" "u8);
        Assert.True(Ends(third));
    }

    [Fact]
    public void TheEndOfTheOutputEndsEveryWait()
    {
        SerialTranscript transcript = new();
        transcript.Append("the last words"u8);
        Task<bool> waiting = Wait(transcript, "more");
        transcript.Close();
        Assert.False(Ends(waiting));
        Assert.False(Ends(Wait(transcript, "more")));
        Assert.True(Ends(Wait(transcript, "last")));
    }

    [Fact]
    public void TheLast64KiBAreKeptWhateverCameBefore()
    {
        SerialTranscript transcript = new();
        transcript.Append("gone"u8);
        for (int i = 0; i < 5; i++) transcript.Append(new byte[SerialTranscript.Capacity - 1]);
        transcript.Append("kept"u8);
        transcript.Append(new byte[SerialTranscript.Capacity - 4]);
        Assert.False(Wait(transcript, "gone").IsCompleted);
        Assert.True(Ends(Wait(transcript, "kept")));

        byte[] most = new byte[SerialTranscript.Capacity];
        most.AsSpan().Fill((byte)'x');
        Task<bool> waiting = transcript.WaitFor(most, CancellationToken.None);
        transcript.Append([.. new byte[3 * SerialTranscript.Capacity], .. most]);
        Assert.True(Ends(waiting));
    }

    [Fact]
    public async Task ACancelledWaitTakesNothing()
    {
        SerialTranscript transcript = new();
        using CancellationTokenSource cancellation = new();
        Task<bool> waiting = transcript.WaitFor([.. "text"u8], cancellation.Token);
        await cancellation.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        transcript.Append("text"u8);
        Assert.True(Ends(Wait(transcript, "text")));
    }

    [Fact]
    public void AMachineIsWaitedFor()
    {
        // mov dx, 3F8h; mov al, '!'; out dx, al; hlt: says one thing, and halts for ever.
        byte[] code = [0xBA, 0xF8, 0x03, 0xB0, 0x21, 0xEE, 0xFA, 0xF4];
        StringBuilder shown = new();
        using VirtualMachine machine = VirtualMachine.Create(new MachineConfig
        {
            Boot = new BootSource.FlatBytes(code, new Gpa(0x1000), Entry: 0x1000, FlatMode.Real),
            MemoryBytes = 1 << 20,
            Accelerator = AcceleratorChoice.Soft,
            SerialOutput = bytes => shown.Append(Encoding.ASCII.GetString(bytes)),
        });
        Assert.False(machine.WaitForSerial("!", TimeSpan.FromMilliseconds(1)));
        machine.Start();
        Assert.True(machine.WaitForSerial("!"));
        Assert.Equal("!", shown.ToString());
        Assert.False(machine.WaitForSerial("!"));
        Assert.Equal(VmEndReason.HaltForever, machine.Wait()!.Reason);
        Assert.Throws<ArgumentException>(() => machine.WaitForSerial(""));
        Assert.Throws<ArgumentOutOfRangeException>(() => machine.WaitForSerial(new string('x', SerialTranscript.Capacity + 1)));
    }

    private static Task<bool> Wait(SerialTranscript transcript, string text) => transcript.WaitFor(Encoding.ASCII.GetBytes(text), CancellationToken.None);

    private static bool Ends(Task<bool> wait)
    {
        Assert.True(wait.Wait(TimeSpan.FromSeconds(30)));
        return wait.Result;
    }
}
