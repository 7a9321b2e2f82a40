using Vitrine.Accelerators.Mmu;
using Vitrine.X86.Paging;

namespace Vitrine.Accelerators.Software.Mmu.TwoDimensional;

/// <summary>Lists the references of a walk without caches, changing nothing.</summary>
internal static unsafe class TwoDimensionalInspection
{
    // SAFETY: host addresses come from GuestPhysicalMemory, which checks them against the slots; entries are naturally aligned.

    /// <summary>See <see cref="IMmuInspection.InspectTwoDimensional"/>.</summary>
    public static List<TwoDimensionalReference> Inspect(SecondLevelTable secondLevel, GuestPhysicalMemory memory, in PagingContext context, ulong linear)
    {
        List<TwoDimensionalReference> references = [];
        Recorder tables = new(secondLevel, memory, references);
        Levels observer = new(references);
        bool mapped = PageWalker.Walk(
            in context,
            ref tables,
            ref observer,
            linear,
            PageAccess.SmapOverride | PageAccess.KeyOverride | PageAccess.LeaveAccessedDirty,
            out PageWalkResult result);
        if (mapped) Recorder.Translate(secondLevel, references, result.Gpa);

        // The order is final, the level of those that belong to the page itself is 0 already.
        int stop = references.FindIndex(static reference => !reference.Present);
        if (stop >= 0) references.RemoveRange(stop + 1, references.Count - stop - 1);
        return references;
    }

    /// <summary>Gives the references since the last entry their guest level, which only the walker knows.</summary>
    private readonly struct Levels(List<TwoDimensionalReference> references) : IPageWalkObserver
    {
        public void OnEntry(int level, ulong entryAddress, ulong rawValue)
        {
            for (int i = references.Count - 1; i >= 0 && references[i].GuestLevel == 0; i--)
                references[i] = references[i] with { GuestLevel = level };
        }

        public void OnPointerRegister(int index, ulong rawValue)
        {
        }

        public void OnUpdate(int level, ulong entryAddress, ulong newValue)
        {
        }

        public void OnRestart()
        {
        }
    }

    private readonly struct Recorder(SecondLevelTable secondLevel, GuestPhysicalMemory memory, List<TwoDimensionalReference> references) : IPageTableMemory
    {
        public static void Translate(SecondLevelTable secondLevel, List<TwoDimensionalReference> references, ulong gpa)
        {
            for (int level = SecondLevelTable.Levels; level > 0; level--)
            {
                bool table = secondLevel.TryPeek(gpa, level, out ulong entry);
                bool present = table && (entry & SecondLevelEntry.Present) != 0;
                references.Add(new TwoDimensionalReference(0, level, gpa, entry, present));
                if (!present || (entry & SecondLevelEntry.Leaf) != 0) return;
            }
        }

        public bool TryRead(ulong gpa, int size, out ulong value)
        {
            Translate(secondLevel, references, gpa);
            byte* host = memory.HostFor(gpa, size, out _);
            value = host == null ? 0 : size == 4 ? *(uint*)host : *(ulong*)host;
            references.Add(new TwoDimensionalReference(0, 0, gpa, value, (value & 1) != 0));
            return host != null;
        }

        public bool TryCompareExchange(ulong gpa, int size, ulong expected, ulong desired) => false;
    }
}
