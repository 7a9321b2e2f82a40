using System.Text;
using Vitrine.Cli.Terminal;
using Vitrine.Errors;

namespace Vitrine.Cli.Serving;

/// <summary>A program that KVM is to be served to: where it is, and how it is started.</summary>
/// <param name="Path">Its file.</param>
/// <param name="Kind">How KVM can be served to it.</param>
internal sealed record ServedProgram(string Path, ProgramKind Kind)
{
    // exec(2): a script's interpreter may be a script again, four times.
    private const int MaximumScripts = 5;
    private const int MaximumScriptLine = 256;
    private const string DefaultSearchPath = "/bin:/usr/bin";
    private const string Shell = "/bin/sh";

    /// <summary>Finds a program as execvp(3) does, and looks into it.</summary>
    /// <param name="command">A path, or a name to be searched for in PATH.</param>
    /// <exception cref="VitrineException">There is none, it may not be executed, or KVM can't be served to it.</exception>
    public static ServedProgram Find(string command)
    {
        string path = Search(command);
        return new ServedProgram(path, Examine(path, command, MaximumScripts));
    }

    private static string Search(string command)
    {
        if (command.Length == 0) throw NotFound(command, "Its name is empty: a variable of a script is probably not set.");
        if (command.Contains('/')) return CheckExecutable(command);
        string search = Environment.GetEnvironmentVariable("PATH") ?? DefaultSearchPath;
        foreach (string folder in search.Split(':'))
        {
            string path = System.IO.Path.Combine(folder.Length == 0 ? "." : folder, command);
            if (Libc.TryGetType(path, out FileType type) && type == FileType.Regular && Libc.MayExecute(path)) return path;
        }

        throw NotFound(command, "It is not installed, or not in a folder that PATH names.");
    }

    private static string CheckExecutable(string path)
    {
        if (!Libc.TryGetType(path, out FileType type)) throw NotFound(path, "The path is probably mistyped, or relative to another folder.");
        if (type == FileType.Regular && Libc.MayExecute(path)) return path;
        throw VitrineException.User(
            CommandErrorCode.Program,
            $"The file '{path}' can't be executed.",
            type == FileType.Regular ? "This user has no right to execute it, or its file system is mounted with noexec." : "It is no ordinary file.",
            "Give the path of a program, or its name.");
    }

    private static ProgramKind Examine(string path, string command, int scripts)
    {
        using FileStream file = Open(path, command);
        if (ElfProgram.Read(file) is { } program) return Judge(path, program);
        if (scripts == 0) throw NotServed(command, "it is a script whose interpreter is a script, too many times over", "Give the last interpreter as the command.");
        string interpreter = ReadInterpreter(file) ?? Shell;
        return File.Exists(interpreter)
            ? Examine(interpreter, command, scripts - 1)
            : throw NotFound(interpreter, $"The first line of '{path}' names it as its interpreter.");
    }

    private static ProgramKind Judge(string path, ElfProgram program)
    {
        const string OtherProgram = "Give a program that is built for x86-64 Linux.";
        if (!program.Is64Bit || program.Machine != ElfProgram.X8664) throw NotServed(path, "it is no program of 64-bit x86 code", OtherProgram);
        if (Libc.GainsRights(path))
        {
            throw NotServed(
                path,
                "it gains rights when it is executed (setuid, setgid or file capabilities), and the system then loads nothing into it",
                "Run it as the user whose rights it gains, or give a copy of it without that bit.");
        }

        if (program.Interpreter is null) return ProgramKind.Static;
        if (System.IO.Path.GetFileName(program.Interpreter).StartsWith("ld-musl", StringComparison.Ordinal))
        {
            throw NotServed(path, "it loads the C library musl, and what serves KVM needs glibc", "Give a static build of it, or one for glibc.");
        }

        return ProgramKind.Dynamic;
    }

    private static string? ReadInterpreter(FileStream file)
    {
        byte[] line = new byte[MaximumScriptLine];
        file.Position = 0;
        ReadOnlySpan<byte> read = line.AsSpan(0, file.ReadAtLeast(line, line.Length, throwOnEndOfStream: false));
        if (!read.StartsWith("#!"u8)) return null;
        int end = read.IndexOf((byte)'\n');
        string[] words = Encoding.UTF8.GetString(read[2..(end < 0 ? read.Length : end)]).Split([' ', '\t', '\r'], StringSplitOptions.RemoveEmptyEntries);
        return words is [var interpreter, ..] ? interpreter : null;
    }

    private static FileStream Open(string path, string command)
    {
        try
        {
            return new FileStream(HostPath.ToRead(path), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw NotServed(command, $"its file can't be read ({error.Message.TrimEnd('.')}), so that nothing is known of how it is built", "Make it readable to this user.");
        }
    }

    private static VitrineException NotFound(string command, string why) => VitrineException.User(
        CommandErrorCode.Program,
        $"The program '{command}' was not found.",
        why,
        "Give the name or the path of a program that is there.");

    private static VitrineException NotServed(string command, string why, string remedy) => VitrineException.User(
        CommandErrorCode.Program,
        $"KVM can't be served to '{command}'.",
        $"The reason: {why}.",
        remedy);
}
