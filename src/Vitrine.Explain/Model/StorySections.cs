namespace Vitrine.Explain.Model;

/// <summary>The parts of a story that can be asked for by name, see <see cref="StoryView"/>.</summary>
[Flags]
public enum StorySections
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>What machine it is, with its memory slots.</summary>
    Machine = 1,

    /// <summary>Step 1: the calls, and the functions of a client that stand behind them.</summary>
    Creation = 2,

    /// <summary>Step 2: what was set on each vCPU, and its registers.</summary>
    State = 4,

    /// <summary>Step 3: VM entry with its checks.</summary>
    Entry = 8,

    /// <summary>The way of the first fetch as a drawing. In JSON it is the fetch.</summary>
    Drawing = 16,

    /// <summary>How each instruction is fetched.</summary>
    Fetch = 32,

    /// <summary>What each instruction did.</summary>
    Execution = 64,

    /// <summary>Why it ends.</summary>
    End = 128,

    /// <summary>The whole story.</summary>
    All = Machine | Creation | State | Entry | Drawing | Fetch | Execution | End,
}
