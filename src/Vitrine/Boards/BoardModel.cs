using Vitrine.Errors;

namespace Vitrine.Boards;

/// <summary>
/// A kind of board: which devices there are, at which ports and addresses, on which interrupt lines, and where RAM is. Firmware tables follow from that.
/// </summary>
public abstract class BoardModel
{
    internal BoardModel()
    {
    }

    /// <summary>A PC reduced to what an unmodified kernel needs to boot, keep time, talk and power off.</summary>
    public static BoardModel Microvm { get; } = new MicrovmBoard();

    /// <summary>Its name: at most 8 ASCII characters, for the ACPI tables too.</summary>
    public abstract string Name { get; }

    /// <inheritdoc/>
    public override string ToString() => Name;

    /// <summary>Where it puts RAM.</summary>
    /// <param name="memoryBytes">Guest RAM wanted, checked.</param>
    internal abstract MemoryLayout MapMemory(ulong memoryBytes);

    /// <summary>How many devices can be attached to it.</summary>
    internal virtual int DeviceMaximum => 0;

    /// <summary>Checks that there is room for the attached devices.</summary>
    /// <exception cref="VitrineException">There is not.</exception>
    internal void CheckDevices(int count)
    {
        if (count <= DeviceMaximum) return;
        throw VitrineException.User(
            ErrorCode.ConfigDevices,
            $"{count} devices were given.",
            $"The board '{Name}' has room for {DeviceMaximum}.",
            "Leave some of them out.").With("devices", count).With("maximum", DeviceMaximum);
    }

    /// <summary>Declares the devices, in order. Device lock held.</summary>
    internal abstract void Declare(BoardBuilder board);

    /// <summary>Makes a board in its state after power-on.</summary>
    /// <param name="context">What the machine gives to it.</param>
    /// <exception cref="ArgumentException">The declaration contradicts itself: a range twice, or device memory in RAM.</exception>
    internal IBoard Create(BoardContext context)
    {
        BoardBuilder builder = new(Name, context);
        try
        {
            lock (context.DeviceLock) Declare(builder);
            return builder.Build();
        }
        catch
        {
            builder.Abandon();
            throw;
        }
    }
}
