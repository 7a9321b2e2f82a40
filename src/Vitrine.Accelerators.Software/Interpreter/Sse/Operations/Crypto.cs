using System.Runtime.Intrinsics;
using Host = System.Runtime.Intrinsics.X86;
using V = System.Runtime.Intrinsics.Vector128<byte>;

namespace Vitrine.Accelerators.Software.Interpreter.Sse.Operations;

/// <summary>AES-NI and PCLMULQDQ: by the host's own instruction where it has one.</summary>
internal static class Crypto
{
    /// <summary>AESENC.</summary>
    internal readonly struct EncryptRound : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => Host.Aes.IsSupported ? Host.Aes.Encrypt(a, b) : Portable(a, b);

        /// <summary>The same without the host's help.</summary>
        public static V Portable(V a, V b) => AesCipher.MixColumns(AesCipher.ShiftAndSubstitute(a)) ^ b;
    }

    /// <summary>AESENCLAST.</summary>
    internal readonly struct EncryptLastRound : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => Host.Aes.IsSupported ? Host.Aes.EncryptLast(a, b) : Portable(a, b);

        /// <summary>The same without the host's help.</summary>
        public static V Portable(V a, V b) => AesCipher.ShiftAndSubstitute(a) ^ b;
    }

    /// <summary>AESDEC.</summary>
    internal readonly struct DecryptRound : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => Host.Aes.IsSupported ? Host.Aes.Decrypt(a, b) : Portable(a, b);

        /// <summary>The same without the host's help.</summary>
        public static V Portable(V a, V b) => AesCipher.MixColumnsBack(AesCipher.ShiftAndSubstituteBack(a)) ^ b;
    }

    /// <summary>AESDECLAST.</summary>
    internal readonly struct DecryptLastRound : IVectorOp
    {
        public static V Apply(V a, V b, byte control) => Host.Aes.IsSupported ? Host.Aes.DecryptLast(a, b) : Portable(a, b);

        /// <summary>The same without the host's help.</summary>
        public static V Portable(V a, V b) => AesCipher.ShiftAndSubstituteBack(a) ^ b;
    }

    /// <summary>AESIMC.</summary>
    internal readonly struct InverseMixColumns : IVectorOp
    {
        public static V Apply(V a, V b, byte control) =>
            Host.Aes.IsSupported ? Host.Aes.InverseMixColumns(b) : AesCipher.MixColumnsBack(b);
    }

    /// <summary>AESKEYGENASSIST. The host's instruction wants a constant round constant, and keys are made rarely.</summary>
    internal readonly struct KeyGenerationAssist : IVectorOp
    {
        public static V Apply(V a, V b, byte control)
        {
            uint first = SubstituteWord(b.AsUInt32().GetElement(1));
            uint second = SubstituteWord(b.AsUInt32().GetElement(3));
            return Vector128.Create(
                first, uint.RotateRight(first, 8) ^ control, second, uint.RotateRight(second, 8) ^ control).AsByte();
        }

        private static uint SubstituteWord(uint word) =>
            AesCipher.Substitute((byte)word) |
            ((uint)AesCipher.Substitute((byte)(word >> 8)) << 8) |
            ((uint)AesCipher.Substitute((byte)(word >> 16)) << 16) |
            ((uint)AesCipher.Substitute((byte)(word >> 24)) << 24);
    }

    /// <summary>PCLMULQDQ: bits 0 and 4 of the immediate choose the quadwords.</summary>
    internal readonly struct CarrylessMultiply : IVectorOp
    {
        public static V Apply(V a, V b, byte control)
        {
            ulong x = a.AsUInt64().GetElement(control & 1);
            ulong y = b.AsUInt64().GetElement(control >> 4 & 1);
            return Host.Pclmulqdq.IsSupported
                ? Host.Pclmulqdq.CarrylessMultiply(Vector128.CreateScalar(x), Vector128.CreateScalar(y), 0).AsByte()
                : Portable(x, y);
        }

        /// <summary>The same without the host's help.</summary>
        public static V Portable(ulong x, ulong y)
        {
            UInt128 product = 0;
            for (int i = 0; i < 64; i++)
            {
                if ((y >> i & 1) != 0) product ^= (UInt128)x << i;
            }

            return Vector128.Create((ulong)product, (ulong)(product >> 64)).AsByte();
        }
    }
}
