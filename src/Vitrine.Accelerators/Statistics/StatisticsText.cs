using System.Globalization;
using Vitrine.Accelerators.Mmu;

namespace Vitrine.Accelerators.Statistics;

/// <summary>Writes what the software CPU has done as a table.</summary>
public static class StatisticsText
{
    private const int MostMnemonics = 20;

    /// <summary>Writes the table.</summary>
    /// <param name="statistics">What was counted; null on KVM.</param>
    public static string Of(CpuStatistics? statistics)
    {
        if (statistics is null) return "No statistics: KVM runs the guest on the host's own processor, which translates and counts nothing for us.\n";
        StringWriter output = new(CultureInfo.InvariantCulture) { NewLine = "\n" };
        string vcpus = statistics.Vcpus == 1 ? "1 vCPU" : $"{statistics.Vcpus} vCPUs";
        output.WriteLine($"Statistics of the software CPU: {statistics.Engine}, {(statistics.Mmu == MmuMode.Shadow ? "shadow paging" : "two-dimensional paging")}, {vcpus}");
        WriteExecution(statistics, output);
        if (statistics.Translation is { } translation) WriteTranslation(statistics, translation, output);
        if (statistics.Native is { } native) WriteNative(native, output);
        WriteCaches(statistics, output);
        WriteMmu(statistics.MmuCounters, output);
        if (statistics.Translation is { Interpreted.Count: > 0 } profile) WriteInterpreted(statistics, profile, output);
        return output.ToString();
    }

    private static void WriteExecution(CpuStatistics statistics, StringWriter output)
    {
        ulong translated = statistics.Translation?.InstructionsRun ?? 0;
        ulong interpreted = statistics.InterpretedInstructions;
        Heading(output, "Instructions executed");
        if (statistics is { Translation: not null, IsDetailed: false })
        {
            Row(output, "interpreted", interpreted, "translated ones are not counted");
            return;
        }

        ulong all = translated + interpreted;
        if (statistics.Translation is { } translation)
        {
            Row(output, "in translated code", translated, $"{Percent(translated, all)}, {Ratio(translated, translation.BlocksRun)} in each run of a block");
        }

        Row(output, "interpreted", interpreted, statistics.Translation is null ? "" : Percent(interpreted, all));
    }

    private static void WriteTranslation(CpuStatistics statistics, TranslationStatistics translation, StringWriter output)
    {
        Heading(output, "Translated");
        Row(output, "blocks", translation.Blocks, $"{Ratio(translation.Instructions, translation.Blocks)} instructions each");
        Row(output, "guest instructions", translation.Instructions, statistics.IsDetailed ? $"{Nanoseconds(translation)} ns each to translate" : "");
        Row(output, "guest bytes", translation.GuestBytes);
        Row(output, "host bytes", translation.HostBytes, $"{Ratio(translation.HostBytes, translation.GuestBytes)} for each guest byte");
        RowIfAny(output, "host bytes to count", translation.CounterBytes);
        string committed = Mebibytes(translation.CodeBytesCommitted);
        Row(output, "host bytes in use", translation.CodeBytesInUse, $"of {committed} MiB from the host, at most {Mebibytes(translation.CodeBytesReserved)}");
        Row(output, "branch table", translation.BranchTableEntries, "entries");
        RowIfAny(output, "code memory full", translation.TimesFull, $"times; {translation.BlocksDroppedWhenFull:N0} blocks were dropped");
        RowIfAny(output, "code memory released", translation.TimesReleased, $"times, because the guest was idle");
        if (translation.BlocksCompared > 0) Row(output, "runs compared", translation.BlocksCompared, "with the interpreter, and alike");

        Heading(output, "Exits of translated code");
        foreach (ExitCount exit in translation.Exits.Where(static exit => exit.Count > 0)) Row(output, exit.Cause, exit.Count);
        if (!statistics.IsDetailed) return;

        ulong misses = Exits(translation, "read", "write");
        ulong lookups = Exits(translation, "lookup");
        Heading(output, "Found at once by translated code");
        Row(output, "TLB", translation.TlbAccesses, $"accesses, {HitRate(translation.TlbAccesses, misses)} hits");
        Row(output, "stack's page", translation.StackAccesses, $"accesses, {HitRate(translation.StackAccesses, translation.StackPageChanges)} in the page of the one before");
        Row(output, "branch table", translation.TableBranches, $"branches, {HitRate(translation.TableBranches, lookups)} to known code");
    }

    private static void WriteNative(NativeStatistics native, StringWriter output)
    {
        Heading(output, "User code on the host's processor");
        if (native.Refused is { } refused) output.WriteLine($"  none: the host refused {refused}");
        Row(output, "programs promoted", native.Promotions, $"{native.Demotions:N0} went back");
        Row(output, "processes", native.Stubs);
        Row(output, "stops", native.Stops, $"{native.SystemCalls:N0} system calls, {native.Fills:N0} missing pages, {native.Kicks:N0} for events");
        Row(output, "mappings", native.Mappings, $"{native.Dropped:N0} dropped");
        Row(output, "interpreted", native.Interpreted, "in between");
        RowIfAny(output, "withheld", native.Withheld, $"times, from pages with instructions that show the host's processor");
        RowIfAny(output, "processes lost", native.Lost);
    }

    private static void WriteCaches(CpuStatistics statistics, StringWriter output)
    {
        Heading(output, "Code caches");
        Row(output, "decoded blocks", statistics.DecodedBlocks, "for the interpreter");
        Row(output, "pages dropped", statistics.Invalidations, "because the guest wrote to code");
        Row(output, "flushes", statistics.CacheFlushes, "of everything");
        RowIfAny(output, "decoded flushes", statistics.DecodedFlushes, $"of the interpreter's blocks alone");
    }

    private static void WriteMmu(MmuCounters counters, StringWriter output)
    {
        Heading(output, "MMU");
        Row(output, "TLB misses", counters.TlbMisses);
        Row(output, "TLB flushes", counters.Flushes);
        Row(output, "faults served", counters.Faults);
        Row(output, "guest's page faults", counters.GuestFaults);
        Row(output, "page walks", counters.Walks);
        Row(output, "entries read", counters.WalkReferences);
        Row(output, "entries installed", counters.Fills);
        Row(output, "tables made", counters.Pages);
        Row(output, "tables dropped", counters.Zaps);
        RowIfAny(output, "tables compared", counters.Syncs);
        RowIfAny(output, "tables let go", counters.Unsyncs);
        RowIfAny(output, "writes to tables", counters.TrackedWrites);
        RowIfAny(output, "roots found again", counters.RootHits);
        RowIfAny(output, "walks cut short", counters.StructureCacheHits);
    }

    private static void WriteInterpreted(CpuStatistics statistics, TranslationStatistics translation, StringWriter output)
    {
        ulong amid = translation.Interpreted.Aggregate(0UL, static (sum, count) => sum + count.Count);
        Heading(output, "Interpreted amid translated code");
        foreach (IGrouping<string, InterpretedCount> group in translation.Interpreted
            .GroupBy(static count => count.Mnemonic).OrderByDescending(Total).Take(MostMnemonics))
        {
            Row(output, group.Key, Total(group), string.Join(", ", group.Select(count => group.Count() == 1 ? Cause(count.Cause) : $"{Cause(count.Cause)} {count.Count:N0}")));
        }

        int more = translation.Interpreted.Select(static count => count.Mnemonic).Distinct().Count() - MostMnemonics;
        if (more > 0) output.WriteLine($"  and {more} other mnemonics");
        Heading(output, "By cause");
        foreach (IGrouping<InterpretationCause, InterpretedCount> group in translation.Interpreted
            .GroupBy(static count => count.Cause).OrderByDescending(static group => Total(group)))
        {
            Row(output, Cause(group.Key), Total(group));
        }

        ulong all = statistics.InterpretedInstructions;
        if (all > amid) Row(output, "mode", all - amid, "in modes that are not translated, or stepped");
    }

    private static string Cause(InterpretationCause cause) => cause switch
    {
        InterpretationCause.NotTranslated => "not translated",
        InterpretationCause.Operands => "operands",
        InterpretationCause.Device => "device",
        InterpretationCause.PageCrossing => "page crossing",
        InterpretationCause.CodePage => "code page",
        InterpretationCause.PageTable => "page table",
        InterpretationCause.WriteLog => "write log",
        InterpretationCause.Alignment => "alignment",
        InterpretationCause.AccessChecks => "access checks",
        InterpretationCause.Code => "code fetch",
        _ => "other",
    };

    private static ulong Total(IEnumerable<InterpretedCount> counts) => counts.Aggregate(0UL, static (sum, count) => sum + count.Count);

    private static ulong Exits(TranslationStatistics translation, params string[] causes) =>
        translation.Exits.Where(exit => causes.Contains(exit.Cause)).Aggregate(0UL, static (sum, exit) => sum + exit.Count);

    private static string Nanoseconds(TranslationStatistics translation) =>
        translation.Instructions == 0 ? "0" : Text($"{translation.Time.TotalNanoseconds / translation.Instructions:0}");

    private static string Ratio(ulong part, ulong whole) => whole == 0 ? "0" : Text($"{(double)part / whole:0.0}");

    private static string Percent(ulong part, ulong whole) => whole == 0 ? "0 %" : Text($"{100.0 * part / whole:0.000} %");

    private static string HitRate(ulong tries, ulong misses) => Percent(tries > misses ? tries - misses : 0, tries);

    private static string Mebibytes(ulong bytes) => Text($"{bytes / 1048576.0:0.#}");

    private static string Text(FormattableString text) => FormattableString.Invariant(text);

    private static void Heading(StringWriter output, string title)
    {
        output.WriteLine();
        output.WriteLine(title);
    }

    private static void RowIfAny(StringWriter output, string name, ulong count, FormattableString? note = null)
    {
        if (count > 0) Row(output, name, count, note is null ? "" : Text(note));
    }

    private static void Row(StringWriter output, string name, ulong count, string note = "") =>
        output.WriteLine(Text($"  {name,-20}{count,20:N0}  {note}").TrimEnd());
}
