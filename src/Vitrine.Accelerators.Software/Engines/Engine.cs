namespace Vitrine.Accelerators.Software.Engines;

/// <summary>
/// A way to execute the guest's instructions. All engines work on the same state, MMU and events, and the dispatcher chooses one for each run: what an engine can't run,
/// the interpreter does.
/// </summary>
internal abstract class Engine : IDisposable
{
    /// <summary>What statistics call it.</summary>
    public abstract string Name { get; }

    /// <summary>Instructions that it has executed and <see cref="Cpu.CpuState.Instructions"/> does not count. Any thread.</summary>
    public virtual ulong UncountedInstructions => 0;

    /// <summary>
    /// It does not count instructions, so it can't tell that it is time to look at the clock: <see cref="Cpu.CpuState.PollAt"/> has to be set to zero at each deadline.
    /// </summary>
    public virtual bool NeedsAlarm => false;

    /// <summary>How long it may run before it wants to look at what it does, in nanoseconds; <see cref="long.MaxValue"/> for as long as it may.</summary>
    public virtual long Patience => long.MaxValue;

    /// <summary>It takes so much of the host's memory that an idle guest should give it back.</summary>
    public virtual bool IsLarge => false;

    /// <summary>
    /// Runs the guest from <see cref="Cpu.CpuState.Rip"/> until something needs the dispatcher. <see cref="Cpu.CpuState.Leave"/> says what, and the state is complete.
    /// </summary>
    /// <param name="finishing">
    /// The instruction at RIP has made accesses that were answered outside. It is executed to its end before anything is looked at, or what comes first, an interrupt's
    /// handler say, would take its answers.
    /// </param>
    /// <returns>False when it can't run code in the guest's present mode; nothing has been done.</returns>
    public abstract bool TryRun(bool finishing);

    /// <inheritdoc/>
    public abstract void Dispose();
}
