using System.Globalization;
using Vitrine.X86.State;

namespace Vitrine.Accelerators.Translation;

/// <summary>Writes a difference as text.</summary>
public static class LockstepDifferenceText
{
    private const int RegistersPerLine = 4;
    private const int NameColumn = 18;

    /// <summary>The difference, with everything that is known about it.</summary>
    public static string Of(LockstepDifference difference)
    {
        ArgumentNullException.ThrowIfNull(difference);
        StringWriter output = new(CultureInfo.InvariantCulture);
        output.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"The translator and the interpreter differ at RIP 0x{difference.Rip:x}, behind the block at 0x{difference.BlockRip:x}. " +
            $"{difference.BlocksCompared} blocks agreed before."));
        output.WriteLine();
        WriteDifferences(difference, output);
        output.WriteLine();
        string suspect = difference.SuspectRip is { } rip ? Text($"Probably wrong is the instruction at 0x{rip:x}: ") : "No instruction stands out: ";
        output.WriteLine(suspect + difference.Reason);
        output.WriteLine(Text($"The interpreter's way: {string.Join(' ', difference.InterpreterPath.Select(place => Text($"0x{place:x}")))}"));
        output.WriteLine();
        output.WriteLine("Registers before the block:");
        for (int i = 0; i < difference.Before.Count; i++)
        {
            RegisterValue register = difference.Before[i];
            bool ends = i % RegistersPerLine == RegistersPerLine - 1 || i == difference.Before.Count - 1;
            output.Write(Text($"{register.Name,-7}{register.Value.ToString($"x{register.Bits / 4}", CultureInfo.InvariantCulture),-16}{(ends ? "\n" : "  ")}"));
        }

        output.WriteLine();
        BlockListingText.Write(difference.Listing, output, difference.SuspectRip);
        return output.ToString().TrimEnd();
    }

    private static void WriteDifferences(LockstepDifference difference, StringWriter output)
    {
        if (difference.Differences.Count == 0)
        {
            output.WriteLine("The interpreter never came to this place.");
            return;
        }

        int width = difference.Differences.Max(value => Math.Max(value.Before.Length, Math.Max(value.Translator.Length, value.Interpreter.Length)));
        width = Math.Max(width, "interpreter".Length) + 2;
        output.WriteLine($"{"",-NameColumn}{"before".PadRight(width)}{"translator".PadRight(width)}interpreter");
        foreach (ValueDifference value in difference.Differences)
        {
            output.WriteLine($"{value.Name,-NameColumn}{value.Before.PadRight(width)}{value.Translator.PadRight(width)}{value.Interpreter}");
        }
    }

    private static string Text(FormattableString text) => FormattableString.Invariant(text);
}
