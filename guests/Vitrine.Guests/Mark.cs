using Iced.Intel;

namespace Vitrine.Guests;

/// <summary>A place in a guest's code. Iced's label is a value, so its address is known only to the copy that was placed.</summary>
internal sealed class Mark(Label label)
{
    private Label _label = label;

    /// <summary>The label, for jumps and calls.</summary>
    public static implicit operator Label(Mark mark) => mark._label;

    /// <summary>Sets the place to where the assembler is.</summary>
    internal void Place(Assembler code) => code.Label(ref _label);

    /// <summary>Its address after assembling.</summary>
    internal ulong Address(AssemblerResult result) => result.GetLabelRIP(_label);
}
