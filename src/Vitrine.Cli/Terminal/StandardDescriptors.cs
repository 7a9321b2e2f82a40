namespace Vitrine.Cli.Terminal;

/// <summary>
/// The descriptors of standard input, output and errors, or <see cref="None"/> where the process was started without one. Nobody reads or
/// writes 0, 1 and 2 without asking here: where they were closed, they are other files by now.
/// </summary>
internal static class StandardDescriptors
{
    /// <summary>No descriptor: reading finds the end, writing fails with EBADF.</summary>
    public const int None = -1;

    private const int Count = 3;

    /// <summary>Standard input.</summary>
    public static int Input { get; private set; } = 0;

    /// <summary>Standard output.</summary>
    public static int Output { get; private set; } = 1;

    /// <summary>Standard error.</summary>
    public static int Error { get; private set; } = 2;

    /// <summary>
    /// Finds out which descriptors were given, and occupies the numbers of the others, so that no file opened later gets them. To be called
    /// before anything opens a file.
    /// </summary>
    public static void Secure()
    {
        Span<bool> free = stackalloc bool[Count];
        for (int number = 0; number < Count; number++) free[number] = !Libc.IsOpen(number);
        Input = Given(Input);
        Output = Given(Output);
        Error = Given(Error);
        if (free.Contains(true)) Occupy(free);
    }

    /// <summary>Frees the numbers that were occupied: a program that takes this process over finds them as they were given.</summary>
    public static void Release()
    {
        if (Input == None) Libc.Close(0);
        if (Output == None) Libc.Close(1);
        if (Error == None) Libc.Close(2);
    }

    // What was inherited came through execve, which closes every descriptor that has FD_CLOEXEC; what the runtime has opened before Main has it.
    private static int Given(int number) => Libc.IsOpen(number) && !Libc.ClosesOnExec(number) ? number : None;

    // The reading end of a pipe without a writer: it reads as ended and can't be written, and needs no file. A child inherits it as such.
    private static void Occupy(ReadOnlySpan<bool> free)
    {
        if (!Libc.TryCreatePipe(out int reader, out int writer)) return;
        for (int number = 0; number < Count; number++)
        {
            if (free[number] && number != reader) Libc.Duplicate(reader, number);
        }

        if (writer >= Count) Libc.Close(writer);
        if (reader >= Count) Libc.Close(reader);
    }
}
