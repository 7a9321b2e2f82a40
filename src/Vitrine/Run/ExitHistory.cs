using Vitrine.Accelerators;

namespace Vitrine.Run;

/// <summary>The last exits of one vCPU, in a ring that is written without allocating.</summary>
internal sealed class ExitHistory
{
    /// <summary>How many are kept.</summary>
    public const int Capacity = 16;

    private readonly ExitRecord[] _ring = new ExitRecord[Capacity];

    /// <summary>How many exits there have been.</summary>
    public ulong Total { get; private set; }

    /// <summary>Keeps an exit. After it was handled, so that what a read returned is in it.</summary>
    public void Add(ref VmExit exit)
    {
        ref ExitRecord record = ref _ring[Total % Capacity];
        record = ExitRecord.From(ref exit);
        record.Number = ++Total;
    }

    /// <summary>What is kept, oldest first.</summary>
    public IEnumerable<ExitRecord> Recent()
    {
        for (ulong number = Total > Capacity ? Total - Capacity : 0; number < Total; number++) yield return _ring[number % Capacity];
    }
}
