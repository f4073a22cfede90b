//! Unknown scales of measured powers: an exponentially weighted moving average (T103).

/// What is known of the scale between measured and computed powers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scale {
    /// They are alike.
    Known,
    /// Measured powers are multiplied by a factor alpha of each group, which follows the ratio of both.
    Ewma {
        /// Decay d of a step [-]: alpha <- d alpha + (1 - d) sum(P P_m)/sum(P_m^2).
        decay: f64,
    },
}

/// The scales of all groups `[group]`; `None` before anything was seen of a group.
pub type Scales = Vec<Option<f64>>;

impl Scale {
    /// Takes what a step sees of each group into its scale: pairs of group and (computed, measured) powers. The first ratio
    /// is taken as it is.
    pub fn update(self, scales: &mut Scales, seen: impl Iterator<Item = (usize, f64, f64)>) {
        let Scale::Ewma { decay } = self else { return };
        let mut sums = vec![[0.0; 2]; scales.len()];
        for (group, computed, measured) in seen {
            sums[group][0] += computed * measured;
            sums[group][1] += measured * measured;
        }
        for (scale, [product, square]) in scales.iter_mut().zip(sums) {
            if square > 0.0 && product > 0.0 {
                let ratio = product / square;
                *scale = Some(scale.map_or(ratio, |scale| decay * scale + (1.0 - decay) * ratio));
            }
        }
    }
}

/// The factor of the measured powers of a group [-].
pub fn factor(scales: &Scales, group: usize) -> f64 {
    scales[group].unwrap_or(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scale_follows_the_ratio_of_its_own_group() {
        let (scale, mut scales) = (Scale::Ewma { decay: 0.9 }, vec![None, None]);
        scale.update(&mut scales, [(0, 2e-10, 1e-10), (0, 4e-10, 2e-10)].into_iter());
        assert!((scales[0].unwrap() - 2.0).abs() < 1e-12 && scales[1].is_none());
        scale.update(&mut scales, [(0, 3e-10, 1e-10), (1, 5e-9, 1e-9)].into_iter());
        assert!((scales[0].unwrap() - 2.1).abs() < 1e-12 && (scales[1].unwrap() - 5.0).abs() < 1e-12);
        Scale::Known.update(&mut scales, [(0, 9.0, 1.0)].into_iter());
        assert!((factor(&scales, 0) - 2.1).abs() < 1e-12);
    }
}
