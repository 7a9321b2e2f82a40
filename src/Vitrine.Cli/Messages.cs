using System.Globalization;
using System.Text;
using Vitrine.Cli.Terminal;
using Vitrine.Errors;

namespace Vitrine.Cli;

/// <summary>What the command itself says, always on standard error: standard output is the guest's.</summary>
internal static class Messages
{
    private const string TraceVariable = "VITRINE_TRACE";

    // A terminal that nobody reads takes nothing: what is said there must not hold up the end.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(1);
    private static readonly Lazy<OutputPump?> s_terminal = new(OpenTerminal);

    /// <summary>Prints a line, or several. Whatever names of the user's or of a file are in it: control characters are shown, and control nothing.</summary>
    public static void Say(string text) =>
        Send(WordWrap.For($"vitrine: {ShowControls(HostPath.Show(text))}\n", StandardDescriptors.Error));

    /// <summary>Prints a text as it is.</summary>
    public static void Write(string text) => Send(HostPath.Show(text));

    /// <summary>Standard error is a terminal that shows colours, and nobody asked for none (no-color.org).</summary>
    public static bool IsColourful => Libc.IsTerminal(StandardDescriptors.Error) && WantsColour;

    /// <summary>Nobody asked for texts without colours.</summary>
    public static bool WantsColour =>
        Environment.GetEnvironmentVariable("NO_COLOR") is null or "" && Environment.GetEnvironmentVariable("TERM") != "dumb";

    /// <summary>Prints an error and returns the exit status for it. A stack trace comes only with VITRINE_TRACE=1.</summary>
    public static int Fail(VitrineException error)
    {
        Say(Remedies.Tell(error));
        Trace(error);
        return StatusOf(error);
    }

    /// <summary>The exit status for an error.</summary>
    public static int StatusOf(VitrineException error) =>
        error.Kind == ErrorKind.User ? ExitStatus.UserError : ExitStatus.HostError;

    /// <summary>Prints a defect of ours.</summary>
    public static int Fail(Exception error)
    {
        Say($"Vitrine failed: {error.GetType().Name}: {error.Message} This is a defect of Vitrine. " +
            $"Run it again with {TraceVariable}=1 and report what it prints.");
        Trace(error);
        return ExitStatus.InternalError;
    }

    private static string ShowControls(string text)
    {
        StringBuilder shown = new(text.Length);
        foreach (char character in text)
        {
            if (char.IsControl(character) && character is not ('\n' or '\t')) shown.Append(CultureInfo.InvariantCulture, $"\\x{(int)character:x2}");
            else shown.Append(character);
        }

        return shown.ToString();
    }

    private static void Send(string text)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        if (s_terminal.Value is not { } terminal)
        {
            _ = Libc.WriteAll(StandardDescriptors.Error, bytes);
            return;
        }

        terminal.Send(bytes);
        if (!terminal.Flush(s_patience)) terminal.Abandon();
    }

    // Null where messages go straight to their descriptor.
    private static OutputPump? OpenTerminal()
    {
        if (!Libc.IsTerminal(StandardDescriptors.Error)) return null;
        try
        {
            return new OutputPump(static bytes => Libc.WriteAll(StandardDescriptors.Error, bytes));
        }
        catch (OutOfMemoryException)
        {
            // The host refuses the thread, which may be what is to be said.
            return null;
        }
    }

    private static void Trace(Exception error)
    {
        if (Environment.GetEnvironmentVariable(TraceVariable) is not (null or "" or "0")) Say(error.ToString());
    }
}
