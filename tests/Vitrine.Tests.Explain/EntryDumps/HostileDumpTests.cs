using System.Text;
using Vitrine.Errors;
using Vitrine.Explain.EntryDumps;
using Xunit;

namespace Vitrine.Tests.Explain.EntryDumps;

/// <summary>Damaged, cut off, huge and senseless files: an error of ours or a dump, never another exception, and never an endless search.</summary>
public sealed class HostileDumpTests
{
    private static readonly string[] s_samples =
    [
        SampleDumps.Vmcs6, SampleDumps.Vmcs4, SampleDumps.Vmcb6, SampleDumps.Xen, RegisterSamples.Qemu16, RegisterSamples.Qemu32, RegisterSamples.Qemu64,
        RegisterSamples.Gdb, RegisterSamples.GdbPretty, RegisterSamples.Rust, GdbFormats.Binary, GdbFormats.Octal, GdbFormats.Addresses, "KVM internal error. Suberror: 3\nextra data[0]: 0x80000b0e\n" + RegisterSamples.Qemu64,
        """{"schema":"vitrine.entry/1","kind":"vmx","fields":{"guest.rflags":"0x0"}}""",
    ];

    // What the formats are made of, to be put where it doesn't belong.
    private static readonly string[] s_pieces =
    [
        "\n", "\r", " ", "=", ":", ",", "{", "}", "[", "]", "'", "<", ">", "(", "*** Guest State ***\n", "*** Control State ***", "VMCB Control Area:\n", "EAX=0\n",
        "Code=<00>", "Suberror: 99999", "extra data[99]: ffffffffffffffff", "hardware error 0xffffffffffffffff", "0x", "-1", "ffffffffffffffffffff", "\u001b[", "> ", "\0",
        "cs = {base = ", "\ud800", "\uFFFF", "&gt;",
    ];

    // Lines without end, of what makes each pattern search on.
    public static TheoryData<string> Repeated =>
    [
        "a", "a ", "a b\n", "=", "= ", "a=", "a:", "a: ", "CS: ", "CS:RIP=", ":", "[", "[]", "]", "{", "{a:", "}", "'", "' ", "> ", ">", "<", "(XEN) ", "kern:err:", "kvm: ", "&gt;",
        "\u001b[", "\u001b[0m", "1,1,1,", "Sep 06 ", "00:00:00 ", "2021-", "0", "0 ", "00 ", "?? ", "Code=", "Code=00 ", "EAX=0\n", "EAX=0 ", "RAX=0\nEIP=0\n", "*** Guest State ***\n",
        "VMCB Control Area:\n", "intercepts: ", "es: s: 0 a: 0 l: 0 ", "GDTR: 0 ", "KVM: entry failed, hardware error 0x0\n", "Suberror: 1\nextra data[0]: 0\n",
        "cs = {base = 0, selector unusable ", "cs={base selector unusable{", "cs = { ", "cs = {base = 0 <", "rip=-", "rip=nan", "=0'", "1.", "1e-", "1:", "1-", "<pre ", "\0", "\n\0", "\n", "\r\n", "\t", "é", "a\u00A0",
    ];

    [Fact]
    public void RandomDamageIsAnErrorOrADump()
    {
        Random random = new(20);
        for (int i = 0; i < 3000; i++)
        {
            StringBuilder text = new(s_samples[i % s_samples.Length]);
            for (int change = random.Next(1, 8); change > 0; change--)
            {
                int at = random.Next(text.Length);
                switch (random.Next(5))
                {
                    case 0: text[at] = (char)random.Next(1, 0x180); break;
                    case 1: text.Insert(at, s_pieces[random.Next(s_pieces.Length)]); break;
                    case 2: text.Remove(at, Math.Min(random.Next(1, 60), text.Length - at)); break;
                    case 3: text.Insert(at, text.ToString(at, Math.Min(random.Next(1, 400), text.Length - at))); break;
                    default: text.Append(s_samples[random.Next(s_samples.Length)].AsSpan(0, random.Next(20))); break;
                }

                if (text.Length == 0) text.Append(' ');
            }

            ReadAndTell(text.ToString());
        }
    }

    [Fact]
    public void AFileCutOffAnywhereIsAnErrorOrADump()
    {
        foreach (string sample in s_samples)
        {
            for (int length = 0; length < sample.Length; length += 3) ReadAndTell(sample[..length]);
        }
    }

    // Without a bound on each step, some of these take minutes.
    [Theory]
    [MemberData(nameof(Repeated))]
    public void LongFilesOfOnePieceEnd(string piece)
    {
        int count = EntryDumpReader.MaximumLength / 16 / Encoding.UTF8.GetByteCount(piece);
        string repeated = string.Concat(Enumerable.Repeat(piece, count));
        ReadAndTell(repeated);
        foreach (string sample in (string[])[SampleDumps.Vmcs6, SampleDumps.Vmcb6, RegisterSamples.Qemu64, RegisterSamples.Gdb])
        {
            ReadAndTell($"{sample}\n{repeated}");
            ReadAndTell($"{sample[..(sample.Length / 2)]}{repeated}{sample[(sample.Length / 2)..]}");
        }
    }

    private static void ReadAndTell(string text)
    {
        try
        {
            EntryDump dump = EntryDumpReader.Read("log.txt", new MemoryStream(Encoding.UTF8.GetBytes(text)));
            EntryJudgement judgement = EntryJudgement.Of(dump);
            EntryCheckOutput.WriteText(dump, judgement, all: true, TextWriter.Null);
            EntryCheckOutput.WriteJson(dump, judgement, TextWriter.Null);
        }
        catch (VitrineException error)
        {
            // As it should be: of the user's kind, and fit for a terminal.
            Assert.Equal(ErrorKind.User, error.Kind);
            Assert.DoesNotContain(error.Message, static c => char.IsControl(c) && c != '\n');
        }
    }
}
