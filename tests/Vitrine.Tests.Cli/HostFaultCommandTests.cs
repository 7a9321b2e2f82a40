using System.Diagnostics;
using Iced.Intel;
using Vitrine.Accelerators.Software;
using Vitrine.Tests.Boot;
using Vitrine.Tests.Software.HostSignals;
using Xunit;
using static Iced.Intel.AssemblerRegisters;

namespace Vitrine.Tests.Cli;

/// <summary>A run whose host code is broken from outside: an end with status 70 that says where, and no death by a signal.</summary>
public sealed class HostFaultCommandTests
{
    private const ulong Entry = 0x10_0000;
    private const uint Value = 0x5EED_C0DE;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static TheoryData<string> Raised => [.. RaisingCode.All.Keys];

    [Theory]
    [MemberData(nameof(Raised))]
    public async Task RunEndsWithAnInternalErrorThatNamesRipAndBytes(string name)
    {
        Assert.SkipUnless(SoftwareAccelerator.HostHasTranslator, "the host has no translator");
        RaisingCode raising = RaisingCode.All[name];
        byte[] code = Guest();
        using TempFile file = new(code);
        ProcessStartInfo start = new(
            VitrineCommand.Program, ["run", "--accel", "soft", "--soft", "translator", "--timeout", "50", "--flat", $"{file.Path}@0x{Entry:x}"])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        };
        using Process process = Process.Start(start)!;
        Task<string> errors = process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        char[] ready = new char[1];
        Assert.Equal(1, await process.StandardOutput.ReadAsync(ready, TestContext.Current.CancellationToken));
        byte[] first = BrokenGuest.FirstInstruction(Value);
        new EmittedCode(process.Id).Replace([.. first, .. first, .. first], raising.Bytes);
        await process.StandardInput.WriteAsync('x');
        await process.StandardInput.FlushAsync(TestContext.Current.CancellationToken);
        if (!process.WaitForExit(Patience))
        {
            process.Kill();
            throw new TimeoutException("The run did not end.");
        }

        string said = await errors;
        ulong rip = Entry + (ulong)code.AsSpan().IndexOf(first) + (ulong)(raising.FaultAt / first.Length * first.Length);
        Assert.True(process.ExitCode == 70, $"status {process.ExitCode}: {said}");
        Assert.Contains($"{raising.Signal} in code that the software CPU made, for RIP 0x{rip:x}, {Convert.ToHexStringLower(first)}  mov eax", said, StringComparison.Ordinal);
        Assert.Contains("defect of Vitrine", said, StringComparison.Ordinal);
        Assert.Contains($"> {rip:x}  mov eax", said, StringComparison.Ordinal);
    }

    /// <summary>Runs its routine, prints a character, waits for one, and runs it again.</summary>
    private static byte[] Guest()
    {
        Assembler a = new(64);
        Label routine = a.CreateLabel();
        Label wait = a.CreateLabel();
        a.mov(esp, (int)BrokenGuest.Data);
        a.call(routine);
        a.mov(dx, 0x3F8);
        a.mov(al, (int)'R');
        a.@out(dx, al);
        a.mov(dx, 0x3FD);
        a.Label(ref wait);
        a.@in(al, dx);
        a.test(al, 1);
        a.je(wait);
        a.call(routine);
        a.hlt();
        a.Label(ref routine);
        BrokenGuest.Moves(a, Value);
        a.ret();
        using MemoryStream bytes = new();
        a.Assemble(new StreamCodeWriter(bytes), Entry);
        return bytes.ToArray();
    }
}
