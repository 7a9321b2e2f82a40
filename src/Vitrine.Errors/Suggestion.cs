namespace Vitrine.Errors;

/// <summary>What somebody who gave an unknown name probably meant.</summary>
public static class Suggestion
{
    private const int ShortestBeginning = 2;

    /// <summary>A question to put before an error's remedy.</summary>
    /// <param name="given">The name that was given.</param>
    /// <param name="names">The names there are.</param>
    /// <returns>"Did you mean 'NAME'? ", or nothing where no name is near.</returns>
    public static string For(string given, params IEnumerable<string> names) => Nearest(given, names) is { } name ? $"Did you mean '{name}'? " : "";

    /// <summary>The name that is nearest: the only one that begins so, or the one the fewest slips of a typist away, at most one in three characters.</summary>
    /// <remarks>Several that are as near are a guess, and a name that was given as it is was not what is wrong.</remarks>
    /// <param name="given">The name that was given.</param>
    /// <param name="names">The names there are.</param>
    /// <returns>Null when none is near.</returns>
    public static string? Nearest(string given, IEnumerable<string> names)
    {
        string[] all = [.. names];
        if (all.Contains(given)) return null;
        string[] longer = given.Length < ShortestBeginning ? [] : Array.FindAll(all, name => name.StartsWith(given, StringComparison.OrdinalIgnoreCase));
        if (longer.Length == 1) return longer[0];
        (string? nearest, int least) = (null, int.MaxValue);
        foreach (string name in all)
        {
            int slips = Slips(given.ToUpperInvariant(), name.ToUpperInvariant());
            if (slips > least || slips * 3 > Math.Max(given.Length, name.Length)) continue;
            (nearest, least) = (slips < least ? name : null, slips);
        }

        return nearest;
    }

    // The optimal string alignment distance: characters inserted, left out, replaced, or exchanged with their neighbour.
    private static int Slips(string a, string b)
    {
        int[,] distance = new int[a.Length + 1, b.Length + 1];
        for (int i = 0; i <= a.Length; i++) distance[i, 0] = i;
        for (int j = 0; j <= b.Length; j++) distance[0, j] = j;
        for (int i = 1; i <= a.Length; i++)
        {
            for (int j = 1; j <= b.Length; j++)
            {
                int least = Math.Min(distance[i - 1, j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1), Math.Min(distance[i - 1, j], distance[i, j - 1]) + 1);
                bool exchanged = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
                distance[i, j] = exchanged ? Math.Min(least, distance[i - 2, j - 2] + 1) : least;
            }
        }

        return distance[a.Length, b.Length];
    }
}
