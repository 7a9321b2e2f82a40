namespace Vitrine.KvmServer.Irqchip;

/// <summary>
/// A structure as the client has set it. A model keeps what hardware has; where it says the same as when it was set, the client reads what
/// it wrote, reserved and meaningless values too, as from KVM, which keeps the structures themselves.
/// </summary>
/// <param name="length">Bytes of the structure.</param>
/// <param name="unit">Bytes that belong together.</param>
internal sealed class SetImage(int length, int unit)
{
    private readonly byte[] _set = new byte[length];
    private readonly byte[] _model = new byte[length];

    /// <summary>Notes what was set.</summary>
    /// <param name="set">What the client has written.</param>
    /// <param name="model">What the model makes of it.</param>
    public void Keep(ReadOnlySpan<byte> set, ReadOnlySpan<byte> model)
    {
        set.CopyTo(_set);
        model.CopyTo(_model);
    }

    /// <summary>Puts in what was set where the model has not changed since.</summary>
    /// <param name="now">What the model says now.</param>
    public void Restore(Span<byte> now)
    {
        for (int at = 0; at < length; at += unit)
        {
            Span<byte> part = now.Slice(at, unit);
            if (part.SequenceEqual(_model.AsSpan(at, unit))) _set.AsSpan(at, unit).CopyTo(part);
        }
    }
}
