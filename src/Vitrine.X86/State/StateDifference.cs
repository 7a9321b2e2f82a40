namespace Vitrine.X86.State;

/// <summary>What differs between two states of a processor.</summary>
public static class StateDifference
{
    /// <summary>The registers that differ, in the order of <see cref="RegisterNames.List"/>. One that only one of the states has is no difference.</summary>
    public static IReadOnlyList<RegisterChange> Between(ProcessorState before, ProcessorState after)
    {
        List<RegisterChange> changes = [];
        IReadOnlyList<RegisterValue> old = RegisterNames.List(before);
        int next = 0;
        foreach (RegisterValue register in RegisterNames.List(after))
        {
            // Both lists have the same order, so what one lacks is passed over in the other.
            int found = next;
            while (found < old.Count && old[found].Name != register.Name) found++;
            if (found == old.Count) continue;
            next = found + 1;
            if (old[found].Value != register.Value) changes.Add(new(register.Name, register.Bits, old[found].Value, register.Value));
        }

        return changes;
    }
}
