using System.Globalization;
using System.Text;
using Vitrine.Cli.Terminal;
using Vitrine.Errors;

namespace Vitrine.Cli;

/// <summary>
/// File names that are not UTF-8. Linux has names of bytes, the framework has strings: a byte that is no part of a character arrives as U+DC00
/// plus the byte, as Python's "surrogateescape" has it (PEP 383), and such a file is opened here and then known by its descriptor.
/// </summary>
internal static class HostPath
{
    private const char FirstEscape = '\uDC80';
    private const char LastEscape = '\uDCFF';
    private const int EscapedZero = 0xDC00;
    private const string OwnArguments = "/proc/self/cmdline";
    private const string DescriptorFolder = "/proc/self/fd";
    private const char Replacement = '\uFFFD';

    // Replaced as a whole, so that readers need no lock.
    private static (string Descriptor, string Name)[] s_opened = [];

    /// <summary>The arguments of this process, with the bytes that the runtime has replaced.</summary>
    /// <param name="arguments">As the runtime gives them.</param>
    public static string[] Restore(string[] arguments)
    {
        if (!Array.Exists(arguments, static argument => argument.Contains(Replacement))) return arguments;
        try
        {
            return Restore(arguments, File.ReadAllBytes(OwnArguments));
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return arguments;
        }
    }

    /// <summary>A path under which a file can be opened for reading: the same, or that of a descriptor.</summary>
    /// <exception cref="VitrineException">Its name is not UTF-8, and it can't be opened.</exception>
    public static string ToRead(string path) => IsPlain(path) ? path : Open(path, Libc.OpenToRead);

    /// <summary>The same for a file to write, which is created or made empty.</summary>
    /// <exception cref="VitrineException">Its name is not UTF-8, and it can't be opened.</exception>
    public static string ToWrite(string path) => IsPlain(path) ? path : Open(path, Libc.OpenToWrite);

    /// <summary>A text for people: with the names that were given in place of descriptors, and with escapes for bytes that are no characters.</summary>
    public static string Show(string text)
    {
        foreach ((string descriptor, string name) in s_opened) text = text.Replace($"'{descriptor}'", $"'{name}'", StringComparison.Ordinal);
        if (IsPlain(text)) return text;
        StringBuilder escaped = new();
        for (int n = 0; n < text.Length; n++)
        {
            if (IsEscape(text, n)) escaped.Append(CultureInfo.InvariantCulture, $"\\x{text[n] - EscapedZero:x2}");
            else escaped.Append(text[n]);
        }

        return escaped.ToString();
    }

    internal static string[] Restore(string[] arguments, ReadOnlySpan<byte> commandLine)
    {
        List<byte[]> all = [];
        while (commandLine.IndexOf((byte)0) is >= 0 and int end)
        {
            all.Add(commandLine[..end].ToArray());
            commandLine = commandLine[(end + 1)..];
        }

        // The program comes first, and with dotnet(1) the assembly too.
        int first = all.Count - arguments.Length;
        return first < 0 ? arguments : [.. arguments.Select((argument, n) => Encoding.UTF8.GetString(all[first + n]) == argument ? Decode(all[first + n]) : argument)];
    }

    internal static string Decode(ReadOnlySpan<byte> bytes)
    {
        StringBuilder text = new();
        while (bytes.Length > 0)
        {
            bool valid = Rune.DecodeFromUtf8(bytes, out Rune rune, out int length) == System.Buffers.OperationStatus.Done;
            if (valid) text.Append(rune.ToString());
            else foreach (byte single in bytes[..length]) text.Append((char)(EscapedZero + single));
            bytes = bytes[length..];
        }

        return text.ToString();
    }

    internal static byte[] Encode(string path)
    {
        List<byte> bytes = [];
        int plain = 0;
        for (int n = 0; n < path.Length; n++)
        {
            if (!IsEscape(path, n)) continue;
            bytes.AddRange(Encoding.UTF8.GetBytes(path[plain..n]));
            bytes.Add((byte)(path[n] - EscapedZero));
            plain = n + 1;
        }

        bytes.AddRange(Encoding.UTF8.GetBytes(path[plain..]));
        return [.. bytes];
    }

    // A surrogate without its partner before it.
    private static bool IsEscape(string text, int at) =>
        text[at] is >= FirstEscape and <= LastEscape && (at == 0 || !char.IsHighSurrogate(text[at - 1]));

    private static bool IsPlain(string path)
    {
        for (int n = 0; n < path.Length; n++)
        {
            if (IsEscape(path, n)) return false;
        }

        return true;
    }

    // The descriptor stays open as long as the process: whoever reads the file opens it again by this name.
    private static string Open(string path, Func<byte[], int> open)
    {
        int descriptor = open(Encode(path));
        string name = $"{DescriptorFolder}/{descriptor}";
        if (descriptor < 0)
        {
            throw VitrineException.User(
                CommandErrorCode.File,
                $"The file '{path}' can't be opened: {Libc.DescribeLastError()}.",
                "The path is probably mistyped, or this user has no right to it.",
                "Give the path of a file that this user may open; its name is not UTF-8, so it must be given byte by byte.");
        }

        if (!File.Exists(name))
        {
            throw VitrineException.Host(
                CommandErrorCode.File,
                $"The file '{path}' can't be used here.",
                "Its name is not UTF-8, and there is no /proc by which it could be named otherwise.",
                "Mount /proc, or give the file another name.");
        }

        s_opened = [.. s_opened, (name, path)];
        return name;
    }
}
